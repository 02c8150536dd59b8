"""What the transcribers that ask once per segment make of each fault of their providers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from gateway.errors import (
    ProviderAuthentication,
    ProviderError,
    ProviderRateLimit,
    ProviderUnavailable,
)
from gateway.providers.base import TranscriptHint
from gateway.providers.credentials import Credential
from gateway.providers.stt.google import GoogleRecogniser, Options
from gateway.providers.stt.openai_audio import OpenAiAudioRecogniser
from gateway.providers.stt.requests import RequestRecogniser
from gateway.providers.usage import Usage, unmetered
from tests.providers.emulators.ear import ScriptedEar
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.gemini_audio import GeminiAudio
from tests.providers.emulators.openai_audio import OpenAiAudio
from tests.providers.emulators.tone_words import encode
from tests.providers.stt.connections import eventually, everything_logged, tasks


@dataclass(frozen=True)
class Provided:
    """A provider's emulator, and how the recogniser of one is made."""

    emulator: Callable[[], Emulator]
    recogniser: Callable[[Emulator, str], RequestRecogniser]


def ear() -> ScriptedEar:
    return ScriptedEar(["one two"])


PROVIDERS: Mapping[str, Provided] = {
    "openai": Provided(
        lambda: OpenAiAudio(ear),
        lambda server, key: OpenAiAudioRecogniser(f"{server.url}/v1", key, "whisper-1", None),
    ),
    "google": Provided(
        lambda: GeminiAudio(ear),
        lambda server, key: GoogleRecogniser(
            Options(), Credential(provider="google", api_key=SecretStr(key), api_url=server.url)
        ),
    ),
}
FAULTS: list[tuple[Kind, type[Exception]]] = [
    (Kind.UNAUTHORIZED, ProviderAuthentication),
    (Kind.RATE_LIMITED, ProviderRateLimit),
    (Kind.SERVER_ERROR, ProviderUnavailable),
    (Kind.REFUSE, ProviderUnavailable),
    (Kind.GARBAGE, ProviderUnavailable),
    (Kind.CUT, ProviderUnavailable),
    (Kind.HANG_AT_CONNECT, TimeoutError),
    (Kind.HANG_MID_STREAM, TimeoutError),
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("kind", "expected"), FAULTS)
async def test_a_fault_is_an_error_that_says_what_is_wrong(
    provider: str, kind: Kind, expected: type[Exception]
) -> None:
    server = PROVIDERS[provider].emulator()
    server.fault = Fault(kind, after=0, seconds=7)
    error = await failure(provider, server, server.key)
    assert isinstance(error, expected)
    if isinstance(error, ProviderError):
        assert str(error).startswith("The transcriber")
        assert error.retry_after == (7 if kind is Kind.RATE_LIMITED else None)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_wrong_key_is_told_without_the_key(provider: str) -> None:
    error = await failure(provider, PROVIDERS[provider].emulator(), "sk-wrong-secret")
    assert isinstance(error, ProviderAuthentication)
    assert "sk-wrong-secret" not in str(error)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_key_is_in_no_log(provider: str) -> None:
    server = PROVIDERS[provider].emulator()
    server.key = "sk-very-secret"
    async with running(server):
        recogniser = PROVIDERS[provider].recogniser(server, server.key)
        with everything_logged() as log:
            heard = await recogniser.recognise(encode("one two"), TranscriptHint(), unmetered)
        await recogniser.close()
    assert heard.text == "one two"
    assert "sk-very-secret" not in log.getvalue()


async def failure(provider: str, server: Emulator, key: str) -> Exception:
    """What recognition raises; nothing was billed, and no task is left."""
    before = tasks()
    used: list[Usage] = []
    async with running(server):
        recogniser = PROVIDERS[provider].recogniser(server, key)
        timed_out = False
        try:
            with pytest.raises((ProviderError, TimeoutError)) as caught:
                async with asyncio.timeout(1) as bound:
                    await recogniser.recognise(encode("one two"), TranscriptHint(), used.append)
            timed_out = bound.expired()
        finally:
            await recogniser.close()
    await eventually(lambda: tasks() <= before)
    assert timed_out or not used
    return caught.value
