"""A user's own server, against the emulated one."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderAuthentication
from gateway.providers.base import CallContext, ChatRequest, ReplyEnd
from gateway.providers.credentials import Credential
from gateway.providers.llm.custom_llm import Options, make
from gateway.providers.oauth2 import OAuth2Plan
from tests.providers.emulators.answers import Answer
from tests.providers.emulators.emulator import running
from tests.providers.emulators.oauth2_token import OAuth2Token
from tests.providers.emulators.openai_chat import OpenAiChat
from tests.providers.llm.replies import HELLO, closing, parts, text

CALL = {"id": "c1", "type": "inboundPhoneCall", "customer": {"number": "+1"}, "phoneNumber": {"number": "+2"}}
ASSISTANT = {
    "name": "reception",
    "metadata": {"branch": "north", "model": "not this one"},
    "server": {"url": "https://mine.example", "secret": "of another server"},
    "model": {"provider": "custom-llm", "headers": {"X-Own": "of this server"}},
}
TOLD = CallContext("c1", CALL, ASSISTANT)
PARTIES = {
    "call": CALL,
    "customer": {"number": "+1"},
    "phoneNumber": {"number": "+2"},
    "assistant": {
        "name": "reception",
        "metadata": {"branch": "north", "model": "not this one"},
        "server": {"url": "https://mine.example"},
        "model": {"provider": "custom-llm"},
    },
}
ASKED = {
    "model": "mine",
    "messages": [{"role": "user", "content": "hello there"}],
    "stream": True,
    "stream_options": {"include_usage": True},
}


def model(url: str, *, key: str = "", plan: OAuth2Plan | None = None, **options: Any) -> Any:
    credential = Credential(provider="custom-llm", api_key=SecretStr(key), authentication_plan=plan)
    return make(Options(**{"model": "mine", "url": url, **options}), credential)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"metadataSendMode": "off"}, {}),
        ({}, {"metadata": ASSISTANT["metadata"], **PARTIES}),
        ({"metadataSendMode": "destructured"}, {"branch": "north", **PARTIES}),
    ],
)
async def test_the_server_is_told_of_the_call_as_the_mode_says(options: dict[str, Any], told: dict[str, Any]) -> None:
    emulator = OpenAiChat(key="")
    async with running(emulator), closing(model(emulator.api_url, **options)) as custom:
        assert text(await parts(custom, ChatRequest(HELLO.messages, context=TOLD))) == "You said: hello there"
    assert emulator.seen[0].json == {**ASKED, **told}


@pytest.mark.parametrize("ending", ["", "/", "/chat/completions", "/chat/completions/"])
async def test_the_url_may_be_the_base_or_the_whole(ending: str) -> None:
    emulator = OpenAiChat(key="")
    async with running(emulator), closing(model(f"{emulator.api_url}{ending}?version=7")) as custom:
        assert (await parts(custom))[-1] == ReplyEnd()
    assert emulator.seen[0].path == "/v1/chat/completions"
    assert emulator.seen[0].query == {"version": "7"}


async def test_headers_go_along_and_do_not_replace_the_key() -> None:
    emulator = OpenAiChat(key="k")
    headers = {"X-Tenant": "north", "User-Agent": "Vapi", "authorization": "Bearer stolen"}
    async with running(emulator), closing(model(emulator.api_url, key="k", headers=headers)) as custom:
        await parts(custom)
    sent = emulator.seen[0].headers
    assert (sent["x-tenant"], sent["user-agent"], sent["authorization"]) == ("north", "Vapi", "Bearer k")


async def test_a_server_may_say_nothing() -> None:
    emulator = OpenAiChat(lambda _: Answer(""), key="")
    async with running(emulator), closing(model(emulator.api_url)) as custom:
        assert await parts(custom) == [ReplyEnd()]


async def test_a_call_that_begins_has_its_token_before_the_first_answer() -> None:
    tokens, emulator = OAuth2Token(), OpenAiChat(key="token-1")
    async with running(tokens), running(emulator):
        plan = OAuth2Plan(type="oauth2", url=tokens.token_url, client_id="parley", client_secret=SecretStr(tokens.key))
        async with closing(model(emulator.api_url, plan=plan)) as custom:
            await custom.prepare()
            assert len(tokens.seen) == 1
            await parts(custom)
    assert len(tokens.seen) == 1


async def test_a_token_takes_the_place_of_the_key_and_is_replaced_when_it_is_refused() -> None:
    tokens, emulator = OAuth2Token(), OpenAiChat(key="token-1")
    async with running(tokens), running(emulator):
        plan = OAuth2Plan(type="oauth2", url=tokens.token_url, client_id="parley", client_secret=SecretStr(tokens.key))
        async with closing(model(emulator.api_url, plan=plan)) as custom:
            await parts(custom)
            await parts(custom)
            assert len(tokens.seen) == 1
            emulator.key = "token-2"
            with pytest.raises(ProviderAuthentication):
                await parts(custom)
            assert (await parts(custom))[-1] == ReplyEnd()
    assert len(tokens.seen) == 2
