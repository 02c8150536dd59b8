from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.providers.credentials import Credential
from gateway.providers.stt.deepgram import Options, make
from tests.providers.emulators.deepgram_listen import DeepgramListen
from tests.providers.emulators.emulator import running
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence
from tests.providers.stt.calls import Caller, tasks_of_clients

NOVA, FLUX = "nova-3", "flux-general-en"


def credential(server: DeepgramListen) -> Credential:
    return Credential(provider="deepgram", api_key=SecretStr(server.key), api_url=server.url)


@asynccontextmanager
async def calling(server: DeepgramListen, pace: float = 0.0, **options: Any) -> AsyncIterator[Caller]:
    """A call whose caller is transcribed by the server; nothing of it is left behind."""
    async with running(server):
        before = tasks_of_clients()
        stream = await make(Options(**options), credential(server)).open()
        try:
            yield Caller(stream, pace=pace)
        finally:
            await stream.close()
            await asyncio.sleep(0.05)
            assert tasks_of_clients() <= before
            assert server.open == 0


@pytest.mark.parametrize("model", [NOVA, FLUX])
async def test_a_segment_has_the_words_that_were_said_in_it(model: str) -> None:
    async with calling(DeepgramListen(), model=model) as caller:
        await caller.say(silence(300))
        span = await caller.say(encode("call back tomorrow morning") + silence(300))
        assert await caller.text(*span) == "call back tomorrow morning"
        await caller.say(silence(1000))
        span = await caller.say(encode("thank you") + silence(300))
        assert await caller.text(*span) == "thank you"
