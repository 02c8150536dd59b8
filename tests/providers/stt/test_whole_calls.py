"""Each transcriber in calls as the conversation makes them: no word is lost or doubled, also when it is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.providers.base import CallContext, Closable, Transcriber
from gateway.providers.catalogue import TRANSCRIBERS
from gateway.providers.credentials import Credential
from gateway.providers.failover.candidate import Candidate
from gateway.providers.failover.transcriber import failover_transcriber
from gateway.providers.health import Circuit
from gateway.providers.usage import Usage
from gateway.settings import FailoverSettings
from tests.providers.emulators.assembly_ai import AssemblyAi
from tests.providers.emulators.custom_transcriber import CustomTranscriberServer
from tests.providers.emulators.ear import ToneEar
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.gemini_audio import GeminiAudio
from tests.providers.emulators.gladia import Gladia
from tests.providers.emulators.openai_audio import OpenAiAudio
from tests.providers.emulators.openai_realtime_transcription import OpenAiRealtimeTranscription
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence
from tests.providers.stt.calls import Caller
from tests.providers.stt.connections import eventually, tasks

TURNS = ["hello please", "one two three four five", "yes", "call back tomorrow morning"]
PACE = 4.0
"""Times real time."""


@dataclass(frozen=True)
class Provided:
    """:param path: what the address of the emulator ends with, for clients
    :param bills: what must be on the bill"""

    provider: str
    emulator: Callable[[], Emulator]
    bills: Callable[[Usage], float]
    options: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""


def seconds(usage: Usage) -> float:
    return usage.seconds


def tokens(usage: Usage) -> float:
    return usage.prompt_tokens


STREAMING = {
    "openai": Provided("openai", lambda: OpenAiRealtimeTranscription(ToneEar), tokens, path="/v1"),
    "assembly-ai": Provided("assembly-ai", lambda: AssemblyAi(ToneEar), seconds, {"formatTurns": False}),
    "gladia": Provided("gladia", lambda: Gladia(ToneEar), seconds),
    "custom-transcriber": Provided(
        "custom-transcriber",
        lambda: CustomTranscriberServer(ToneEar),
        seconds,
        {"server": {"url": "http://an-address-that-the-credential-replaces/"}},
    ),
}
BY_SEGMENT = {
    "whisper": Provided("openai", lambda: OpenAiAudio(ToneEar), seconds, {"model": "whisper-1"}, path="/v1"),
    "google": Provided("google", lambda: GeminiAudio(ToneEar), tokens),
}
ALL = {**STREAMING, **BY_SEGMENT}


def made(provided: Provided, server: Emulator) -> Transcriber:
    module = import_module(TRANSCRIBERS[provided.provider].module)
    credential = Credential(
        provider=provided.provider, api_key=SecretStr(server.key), api_url=f"{server.url}{provided.path}"
    )
    transcriber: Transcriber = module.make(module.Options.model_validate(provided.options), credential)
    return transcriber


@asynccontextmanager
async def call(names: list[str], servers: list[Emulator], used: list[Usage]) -> AsyncIterator[Caller]:
    """A call with these transcribers, the first one preferred. Afterwards neither a task nor a socket is left."""
    before = tasks()
    async with AsyncExitStack() as stack:
        candidates = []
        for name, server in zip(names, servers, strict=True):
            await stack.enter_async_context(running(server))
            transcriber = made(ALL[name], server)
            if isinstance(transcriber, Closable):
                stack.push_async_callback(transcriber.close)
            candidates.append(Candidate(name, transcriber, Circuit("transcriber", name)))
        stream = await failover_transcriber(candidates, FailoverSettings()).open(CallContext(meter=used.append))
        try:
            yield Caller(stream, pace=PACE)
        finally:
            await stream.close()
        await eventually(lambda: all(server.open == 0 for server in servers if not hangs(server)))
    await eventually(lambda: tasks() <= before)


def hangs(server: Emulator) -> bool:
    """One that hangs does not know that the client has gone."""
    return server.fault is not None and server.fault.kind is Kind.HANG_MID_STREAM


async def take_turns(caller: Caller) -> list[str]:
    """The caller says all turns, each after a pause; their texts."""
    heard = []
    for turn in TURNS:
        await caller.say(silence(700))
        start, end = await caller.say(encode(turn))
        await caller.say(silence(100))
        heard.append(await caller.text(start, end))
    return heard


@pytest.mark.parametrize("name", ALL)
async def test_all_words_of_a_call_are_there_once(name: str) -> None:
    server, used = ALL[name].emulator(), list[Usage]()
    async with call([name], [server], used) as caller:
        assert await take_turns(caller) == TURNS
    assert {(usage.stage, usage.provider) for usage in used} == {("transcriber", ALL[name].provider)}
    assert sum(map(ALL[name].bills, used)) > 0


@pytest.mark.parametrize("name", STREAMING)
async def test_words_are_told_while_they_are_spoken(name: str) -> None:
    server = STREAMING[name].emulator()
    async with call([name], [server], []) as caller:
        await caller.say(silence(300))
        start, end = await caller.say(encode("one two three four five"))
        await caller.text(start, end)
        partials = [transcript.text for transcript in caller.transcripts if not transcript.final]
    assert name == "openai" or "one two" in partials, "OpenAI tells only what was committed"


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.HANG_MID_STREAM, Kind.GARBAGE])
@pytest.mark.parametrize("name", ALL)
async def test_a_transcriber_that_fails_in_the_middle_is_replaced_without_a_word_lost(name: str, kind: Kind) -> None:
    server = ALL[name].emulator()
    server.fault = Fault(kind, after=12 if name in STREAMING else 0)
    substitute = STREAMING["openai"].emulator()
    async with call([name, "openai"], [server, substitute], []) as caller:
        assert await asyncio.wait_for(take_turns(caller), 40) == TURNS
