"""Gemini as a transcriber: what it is told, what it answers, and what is billed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderUnavailable
from gateway.providers.base import TranscriptHint
from gateway.providers.credentials import Credential
from gateway.providers.stt.google import GoogleRecogniser, Options
from gateway.providers.stt.requests import Recognition
from gateway.providers.usage import Usage, unmetered
from tests.providers.emulators.ear import ToneEar
from tests.providers.emulators.emulator import running
from tests.providers.emulators.gemini_audio import GeminiAudio
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence

ANYTHING = TranscriptHint()
SPEECH = silence(300) + encode("one two") + silence(200)


@asynccontextmanager
async def asked(server: GeminiAudio, **options: str) -> AsyncIterator[GoogleRecogniser]:
    async with running(server):
        credential = Credential(provider="google", api_key=SecretStr(server.key), api_url=server.url)
        recogniser = GoogleRecogniser(Options.model_validate(options), credential)
        try:
            yield recogniser
        finally:
            await recogniser.close()


async def test_a_segment_is_written_down() -> None:
    server = GeminiAudio(ToneEar)
    used: list[Usage] = []
    async with asked(server) as recogniser:
        assert await recogniser.recognise(SPEECH, ANYTHING, used.append) == Recognition("one two")
    amounts: dict[str, Any] = {"prompt_tokens": 121, "prompt_audio_tokens": 31, "completion_tokens": 7}
    assert used == [Usage("transcriber", "google", "gemini-2.5-flash", **amounts)]
    assert server.seen[0].path.endswith("/models/gemini-2.5-flash:generateContent")
    assert server.key not in str(server.seen[0].query)


async def test_silence_has_no_text() -> None:
    async with asked(GeminiAudio(ToneEar)) as recogniser:
        assert await recogniser.recognise(silence(1500), ANYTHING, unmetered) == Recognition("")


async def test_audio_too_short_for_a_word_is_not_sent() -> None:
    server = GeminiAudio(ToneEar)
    async with asked(server) as recogniser:
        assert await recogniser.recognise(silence(80), ANYTHING, unmetered) == Recognition("")
    assert server.seen == []


async def test_the_model_is_told_what_to_expect() -> None:
    server = GeminiAudio(ToneEar)
    hint = TranscriptHint(expects="digits", phrases=("Parley",))
    async with asked(server, language="German") as recogniser:
        await recogniser.recognise(SPEECH, hint, unmetered)
    (part,) = server.seen[0].json["systemInstruction"]["parts"]
    assert part["text"].endswith(
        "The caller speaks German. The caller was asked for a number. Likely words are: Parley."
    )


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("gemini-2.5-flash", {"thinking_budget": 0}),
        ("gemini-3-flash-preview", {"thinking_level": "MINIMAL"}),
        ("gemini-2.0-flash", None),
    ],
)
async def test_the_model_thinks_as_little_as_it_may(model: str, thinking: object) -> None:
    server = GeminiAudio(ToneEar)
    async with asked(server, model=model) as recogniser:
        await recogniser.recognise(SPEECH, ANYTHING, unmetered)
    assert server.seen[0].json["generationConfig"].get("thinkingConfig") == thinking


async def test_an_answer_without_text_is_an_error_and_billed() -> None:
    used: list[Usage] = []
    async with asked(GeminiAudio(ToneEar, finish="SAFETY")) as recogniser:
        with pytest.raises(ProviderUnavailable, match="sent no transcription: SAFETY"):
            await recogniser.recognise(SPEECH, ANYTHING, used.append)
    assert len(used) == 1
