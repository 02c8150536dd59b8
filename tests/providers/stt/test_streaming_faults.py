"""What the streaming transcribers make of each fault of their providers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from gateway.assistant.section import Server
from gateway.errors import (
    ProviderAuthentication,
    ProviderError,
    ProviderRateLimit,
    ProviderUnavailable,
)
from gateway.providers.credentials import Credential
from gateway.providers.stt.assembly_ai import AssemblyAiRecogniser
from gateway.providers.stt.assembly_ai import Options as AssemblyAiOptions
from gateway.providers.stt.connection import StreamingRecogniser
from gateway.providers.stt.custom_transcriber import CustomRecogniser
from gateway.providers.stt.gladia import GladiaRecogniser
from gateway.providers.stt.gladia import Options as GladiaOptions
from gateway.providers.stt.openai_realtime import OpenAiRealtimeRecogniser
from tests.providers.emulators.assembly_ai import AssemblyAi
from tests.providers.emulators.custom_transcriber import CustomTranscriberServer
from tests.providers.emulators.ear import ScriptedEar
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.gladia import Gladia
from tests.providers.emulators.openai_realtime_transcription import OpenAiRealtimeTranscription
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence
from tests.providers.stt.connections import connected, eventually, everything_logged, say, tasks, until_flushed


@dataclass(frozen=True)
class Provided:
    """A provider's emulator, and how the recogniser of one is made. `greetings` is how many messages the server sends
    before a connection is open."""

    emulator: Callable[[], Emulator]
    recogniser: Callable[[Emulator, str], StreamingRecogniser]
    greetings: int


def ear() -> ScriptedEar:
    return ScriptedEar(["one two three"])


def credential(provider: str, server: Emulator, key: str) -> Credential:
    return Credential(provider=provider, api_key=SecretStr(key), api_url=server.url)


PROVIDERS: Mapping[str, Provided] = {
    "openai": Provided(
        lambda: OpenAiRealtimeTranscription(ear),
        lambda server, key: OpenAiRealtimeRecogniser(f"{server.url}/v1", key, "gpt-4o-transcribe", None),
        greetings=2,
    ),
    "assembly-ai": Provided(
        lambda: AssemblyAi(ear),
        lambda server, key: AssemblyAiRecogniser(AssemblyAiOptions(), credential("assembly-ai", server, key)),
        greetings=1,
    ),
    "gladia": Provided(
        lambda: Gladia(ear),
        lambda server, key: GladiaRecogniser(GladiaOptions(), credential("gladia", server, key)),
        greetings=0,
    ),
    "custom-transcriber": Provided(
        lambda: CustomTranscriberServer(ear),
        lambda server, key: CustomRecogniser(
            Server(url=f"{server.url}/transcribe"), Credential(provider="custom-transcriber", api_key=SecretStr(key))
        ),
        greetings=0,
    ),
}
AT_CONNECT: list[tuple[Kind, type[Exception]]] = [
    (Kind.UNAUTHORIZED, ProviderAuthentication),
    (Kind.RATE_LIMITED, ProviderRateLimit),
    (Kind.SERVER_ERROR, ProviderUnavailable),
    (Kind.REFUSE, ProviderUnavailable),
    (Kind.HANG_AT_CONNECT, TimeoutError),
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("kind", "expected"), AT_CONNECT)
async def test_a_fault_at_connect_says_what_is_wrong(provider: str, kind: Kind, expected: type[Exception]) -> None:
    server = PROVIDERS[provider].emulator()
    server.fault = Fault(kind, seconds=7)
    error = await failure_at_connect(provider, server, server.key)
    assert isinstance(error, expected)
    if isinstance(error, ProviderError):
        assert str(error).startswith("The transcriber")
        assert error.retry_after == (7 if kind is Kind.RATE_LIMITED else None)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_wrong_key_is_told_without_the_key(provider: str) -> None:
    error = await failure_at_connect(provider, PROVIDERS[provider].emulator(), "sk-wrong-secret")
    assert isinstance(error, ProviderAuthentication)
    assert "sk-wrong-secret" not in str(error)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_key_is_in_no_log(provider: str) -> None:
    server = PROVIDERS[provider].emulator()
    server.key = "sk-very-secret"
    with everything_logged() as log:
        async with connected(server, lambda: PROVIDERS[provider].recogniser(server, server.key)) as connection:
            await say(connection, encode("one two three") + silence(300))
    assert "sk-very-secret" not in log.getvalue()


async def failure_at_connect(provider: str, server: Emulator, key: str) -> Exception:
    """What connecting raises; no task is left."""
    before = tasks()
    async with running(server):
        with pytest.raises((ProviderError, TimeoutError)) as caught:
            async with asyncio.timeout(1):
                await PROVIDERS[provider].recogniser(server, key).connect()
    await eventually(lambda: tasks() <= before)
    return caught.value


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_connection_that_is_cut_while_the_caller_speaks_is_lost(provider: str) -> None:
    provided = PROVIDERS[provider]
    server = provided.emulator()
    server.fault = Fault(Kind.CUT, after=provided.greetings)
    with pytest.raises(ProviderUnavailable, match=r"The transcriber .* closed the connection with 1011"):
        await converse(provided, server)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_is_nothing_of_the_protocol_is_an_outage(provider: str) -> None:
    provided = PROVIDERS[provider]
    server = provided.emulator()
    server.fault = Fault(Kind.GARBAGE)
    with pytest.raises(ProviderUnavailable, match=r"The transcriber .* sent what is no JSON object"):
        await converse(provided, server)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_server_that_falls_silent_leaves_the_wait_to_the_caller(provider: str) -> None:
    provided = PROVIDERS[provider]
    server = provided.emulator()
    server.fault = Fault(Kind.HANG_MID_STREAM, after=provided.greetings)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.8):
            await converse(provided, server)


async def converse(provided: Provided, server: Emulator) -> None:
    """Say something to a server with a fault. Neither a task nor a socket is left."""
    async with connected(server, lambda: provided.recogniser(server, server.key)) as connection:
        await say(connection, encode("one two three") + silence(300))
        await until_flushed(connection)
