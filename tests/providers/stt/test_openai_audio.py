"""OpenAI's transcription of files: text, silence and what is billed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.providers.base import TranscriptHint
from gateway.providers.stt.openai_audio import OpenAiAudioRecogniser
from gateway.providers.stt.requests import Recognition
from gateway.providers.usage import Usage, unmetered
from tests.providers.emulators.ear import ScriptedEar
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_audio import OpenAiAudio, fields
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence
from tests.providers.stt.connections import eventually

ANYTHING = TranscriptHint()
SPEECH = silence(300) + encode("one two") + silence(200)


@asynccontextmanager
async def asked(server: OpenAiAudio, model: str = "whisper-1") -> AsyncIterator[OpenAiAudioRecogniser]:
    async with running(server):
        recogniser = OpenAiAudioRecogniser(server.api_url, server.key, model, "en")
        try:
            yield recogniser
        finally:
            await recogniser.close()


def hears(*lines: str) -> Callable[[], ScriptedEar]:
    return lambda: ScriptedEar(lines)


async def test_a_segment_is_sent_as_a_file_and_its_text_comes_back() -> None:
    server = OpenAiAudio(hears("one two"))
    async with asked(server) as recogniser:
        heard = await recogniser.recognise(SPEECH, TranscriptHint(phrases=("Parley", "Kiel")), unmetered)
    assert heard.text == "one two"
    assert heard.confidence == pytest.approx(0.819, abs=0.001)
    sent = fields(server.seen[0])
    assert (sent["model"], sent["language"], sent["prompt"]) == (b"whisper-1", b"en", b"Parley, Kiel")


async def test_what_whisper_makes_up_for_silence_is_not_believed() -> None:
    server = OpenAiAudio(hears())
    async with asked(server) as recogniser:
        assert await recogniser.recognise(silence(1500), ANYTHING, unmetered) == Recognition("")


async def test_audio_too_short_for_the_server_is_not_sent() -> None:
    server = OpenAiAudio(hears("one"))
    async with asked(server) as recogniser:
        assert await recogniser.recognise(silence(80), ANYTHING, unmetered) == Recognition("")
    assert server.seen == []


@pytest.mark.parametrize(
    ("model", "tells", "billed"),
    [
        ("whisper-1", True, Usage("transcriber", "openai", "whisper-1", seconds=1)),
        ("whisper-1", False, Usage("transcriber", "openai", "whisper-1", seconds=0.98)),
        (
            "gpt-4o-transcribe",
            True,
            Usage("transcriber", "openai", "gpt-4o-transcribe", prompt_tokens=10, completion_tokens=2),
        ),
    ],
)
async def test_what_is_billed(model: str, tells: bool, billed: Usage) -> None:
    server = OpenAiAudio(hears("one two"), usage=tells)
    used: list[Usage] = []
    async with asked(server, model) as recogniser:
        await recogniser.recognise(SPEECH, ANYTHING, used.append)
    assert used == [billed]


async def test_a_request_that_is_given_up_is_billed_all_the_same() -> None:
    server = OpenAiAudio(hears("one two"))
    server.fault = Fault(Kind.HANG_AT_CONNECT)
    used: list[Usage] = []
    async with asked(server) as recogniser:
        asking = asyncio.create_task(recogniser.recognise(SPEECH, ANYTHING, used.append))
        await eventually(lambda: bool(server.seen))
        asking.cancel()
        await asyncio.wait([asking])
    assert used == [Usage("transcriber", "openai", "whisper-1", seconds=0.98)]
