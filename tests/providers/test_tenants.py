from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.assistant.assistant import Model
from gateway.assistant.call_plan import CallPlan, Member
from gateway.assistant.provider_settings import VoiceSettings
from gateway.egress.guard import Guard
from gateway.errors import ConfigError
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.registry import Providers
from gateway.providers.tenants import Access, Tenants

OURS = [
    Credential.model_validate({"provider": "openai", "apiKey": "ours"}),
    Credential.model_validate({"provider": "groq", "apiKey": "everybodys", "shared": True}),
]


def plan(organisation: str, *credentials: dict[str, Any], trusted: bool = False, shared: bool = False) -> CallPlan:
    member = Member(assistant={}, trusted=trusted)
    return CallPlan(
        organisation=organisation, members=[member], credentials=list(credentials), shared_credentials=shared
    )


def key(provider: str, api_key: str) -> dict[str, Any]:
    return {"id": api_key, "provider": provider, "apiKey": api_key}


@pytest.fixture
async def tenants() -> AsyncIterator[Tenants]:
    async with httpx.AsyncClient() as client:
        environ = {"MISTRAL_API_KEY": "of the environment"}
        made = Tenants(Access(Providers(Credentials(OURS, environ)), client), Guard(), most=2)
        yield made
        await made.close()


async def keys(tenants: Tenants, planned: CallPlan | None) -> dict[str, str]:
    async with tenants.access(planned) as access:
        return {name: access.providers.credential(name).key for name in ("openai", "groq", "mistral")}


async def test_an_organisation_has_its_own_keys_and_those_that_are_shared_by_name(tenants: Tenants) -> None:
    assert await keys(tenants, plan("acme", key("openai", "acme's"))) == {
        "openai": "acme's",
        "groq": "everybodys",
        "mistral": "",
    }
    assert await keys(tenants, plan("other")) == {"openai": "", "groq": "everybodys", "mistral": ""}


async def test_the_operators_organisation_has_all_keys_and_its_own_before_them(tenants: Tenants) -> None:
    planned = plan("default", key("openai", "by rest"), key("openai", "older"), shared=True)
    assert await keys(tenants, planned) == {"openai": "by rest", "groq": "everybodys", "mistral": "of the environment"}
    assert (await keys(tenants, None))["openai"] == "ours"


async def test_an_address_of_the_operators_organisation_does_not_get_the_operators_key(tenants: Tenants) -> None:
    anywhere = {"provider": "mistral", "apiUrl": "https://elsewhere.example"}
    async with tenants.access(plan("default", anywhere, shared=True)) as access:
        credential = access.providers.credential("mistral")
    assert (credential.api_url, credential.key) == ("https://elsewhere.example", "")


async def test_a_key_is_not_shared_with_servers_that_an_assistant_names() -> None:
    kept = Credential.model_validate({"provider": "custom-llm", "apiKey": "ours", "shared": True})
    credentials = Credentials([kept], {})
    assert credentials.for_tenant([], all_shared=False).of("custom-llm").key == ""
    assert credentials.for_tenant([], all_shared=True).of("custom-llm").key == "ours"


async def test_calls_of_one_organisation_share_providers_and_those_of_two_do_not(tenants: Tenants) -> None:
    settings = Model.model_validate({"provider": "openai", "model": "gpt-4.1"})
    made = []
    for planned in (
        plan("acme", key("openai", "one")),
        plan("acme", key("openai", "one")),
        plan("acme", key("openai", "two")),
        plan("other", key("openai", "one")),
    ):
        async with tenants.access(planned) as access:
            made.append(access.providers.make("model", settings))
    assert made[0] is made[1]
    assert len({id(one) for one in made}) == 3


async def test_without_a_key_of_its_own_a_provider_is_refused(tenants: Tenants) -> None:
    async with tenants.access(plan("acme")) as access:
        with pytest.raises(ConfigError, match="needs a key"):
            access.providers.make("model", Model.model_validate({"provider": "openai", "model": "gpt-4.1"}))


async def test_embedded_models_are_in_memory_once(tenants: Tenants) -> None:
    voice = VoiceSettings(provider="hibari")
    async with tenants.access(plan("acme")) as one, tenants.access(plan("other")) as two:
        assert one.providers.make("voice", voice) is two.providers.make("voice", voice)


async def test_those_used_least_recently_go_and_a_call_keeps_what_it_has(tenants: Tenants) -> None:
    async with tenants.access(plan("first")) as first:
        for name in ("second", "third", "fourth"):
            async with tenants.access(plan(name)):
                pass
        assert not first.client.is_closed
        async with tenants.access(plan("first")) as again:
            assert again is first
    async with tenants.access(plan("second")), tenants.access(plan("third")), tenants.access(plan("fourth")):
        pass
    assert first.client.is_closed


async def test_an_organisation_with_very_many_providers_gets_new_ones(
    tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.providers.tenants.MOST_MADE", 1)
    planned = plan("acme", key("openai", "k"))
    async with tenants.access(planned) as first:
        first.providers.make("model", Model.model_validate({"provider": "openai", "model": "gpt-4.1"}))
        async with tenants.access(planned) as second:
            assert second is not first
            assert not first.client.is_closed
    assert first.client.is_closed
    assert not second.client.is_closed
