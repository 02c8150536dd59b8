"""Each model of the catalogue, made as an assistant names it, answers over its own wire."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from gateway.assistant.assistant import Model
from gateway.providers.base import CallContext, ChatRequest
from gateway.providers.catalogue import MODELS
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.registry import Providers
from gateway.providers.usage import Usage
from tests.providers.emulators.emulator import running
from tests.providers.emulators.openai_chat import OpenAiChat
from tests.providers.llm.replies import HELLO, our_tasks, parts, text
from tests.providers.llm.wires import WIRED

SERVERS = [name for name, entry in MODELS.items() if not entry.embedded]


@pytest.mark.parametrize("name", SERVERS)
async def test_a_model_answers_and_is_counted_under_its_own_name(name: str) -> None:
    before = our_tasks()
    wired = WIRED.get(name)
    emulator = wired.emulator() if wired else OpenAiChat(key="emulated-key" if MODELS[name].key else "")
    used: list[Usage] = []
    async with running(emulator):
        key = SecretStr(emulator.key if MODELS[name].key else "")
        credential = Credential(provider=name, api_key=key, api_url=emulator.api_url)
        providers = Providers(Credentials([credential], environ={}))
        address = {} if MODELS[name].defaults.get("url") or wired else {"url": emulator.api_url}
        settings = {"provider": name, "model": wired.model if wired else "some-model", **address}
        model = providers.model(Model.model_validate(settings))
        request = ChatRequest(HELLO.messages, context=CallContext(meter=used.append))
        assert text(await parts(model, request)) == "You said: hello there"
        await providers.close()
        await asyncio.sleep(0)
    assert [(usage.stage, usage.provider) for usage in used] == [("model", name)]
    assert our_tasks() == before
