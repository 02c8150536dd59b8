"""The embedded voice: level, silence, word times, streaming, cache."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.errors import ProviderError
from gateway.providers.base import TranscriptHint, VoiceChunk
from gateway.providers.stt.embedded import embedded_recognisers
from gateway.providers.stt.segment import to_model_rate
from gateway.providers.tts.embedded import EmbeddedVoice, PieceCache
from gateway.providers.tts.hibari import HibariSynthesiser, SpokenPiece

ODD = [
    "$9.99",
    "Dr.",
    "e-mail",
    "3/4/2024",
    "(a)",
    "\u2014",
    "50%",
    "1,234",
    "[x](y)",
    "a@b.c",
    "7:30pm",
    "\u00e9t\u00e9",
]
TWO_SENTENCES = "Hello, this is Parley. Your order costs $9.99 today."


@cache
def synthesiser() -> HibariSynthesiser:
    return HibariSynthesiser()


@pytest.fixture
def voice() -> Iterator[EmbeddedVoice]:
    with ThreadPoolExecutor(1) as pool:
        yield EmbeddedVoice(synthesiser(), pool)


async def spoken(voice: EmbeddedVoice, text: str) -> list[VoiceChunk]:
    return [chunk async for chunk in voice.speak(text)]


@pytest.mark.models
async def test_a_text_comes_sentence_by_sentence_with_all_its_words(voice: EmbeddedVoice) -> None:
    chunks = await spoken(voice, TWO_SENTENCES)
    assert len(chunks) == 2
    assert [word.text for chunk in chunks for word in chunk.words] == TWO_SENTENCES.split()


@pytest.mark.models
async def test_word_times_go_on_over_sentences_and_stay_inside_the_audio(voice: EmbeddedVoice) -> None:
    chunks = await spoken(voice, TWO_SENTENCES)
    first = len(chunks[0].pcm) // 2
    words = [word for chunk in chunks for word in chunk.words]
    edges = [edge for word in words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert chunks[1].words[0].start >= first
    assert edges[-1] <= first + len(chunks[1].pcm) // 2


@pytest.mark.models
async def test_word_times_are_where_the_words_are(voice: EmbeddedVoice) -> None:
    (chunk,) = await spoken(voice, "The shop is closed, but it opens on Tuesday morning.")
    cut = next(word.end for word in chunk.words if word.text == "closed,") * 2
    recogniser = embedded_recognisers()["whisper"]
    before, after = (
        recogniser.recognise(to_model_rate(pcm), TranscriptHint()).text.casefold()
        for pcm in (chunk.pcm[:cut], chunk.pcm[cut:])
    )
    assert "closed" in before
    assert "opens" not in before
    assert "opens on tuesday" in after
    assert "closed" not in after


@pytest.mark.models
async def test_speech_starts_at_once_and_at_telephone_level(voice: EmbeddedVoice) -> None:
    (chunk,) = await spoken(voice, "How can I help you today?")
    samples = np.frombuffer(chunk.pcm, dtype="<i2") / 32768
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    assert loud[0] < 0.08 * 8000
    assert np.abs(samples).max() <= 0.91
    active = samples[loud[0] : loud[-1]]
    assert -26 < 20 * np.log10(np.sqrt(np.mean(active**2))) < -18


@pytest.mark.models
@pytest.mark.parametrize("text", ["", "   ", "...", "—"])
async def test_a_text_without_words_has_no_audio(voice: EmbeddedVoice, text: str) -> None:
    assert await spoken(voice, text) == []


@pytest.mark.models
@settings(max_examples=40, deadline=None)
@example("¹A ②B")
@given(st.text(max_size=40) | st.lists(st.sampled_from(ODD), max_size=6).map(" ".join))
def test_any_text_is_spoken_or_silent_with_its_words_in_order(text: str) -> None:
    for sentence in synthesiser().split(text):
        piece = synthesiser().synthesise(sentence)
        assert not piece.pcm or [word.text for word in piece.words] == sentence.split()
        edges = [edge for word in piece.words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert not edges or edges[-1] * 2 <= len(piece.pcm)


@pytest.mark.models
async def test_a_failing_model_is_a_provider_error(voice: EmbeddedVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: HibariSynthesiser, sentence: str) -> SpokenPiece:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(HibariSynthesiser, "synthesise", fail)
    with pytest.raises(ProviderError, match=r"The voice cannot say 'Hello\.': out of memory\."):
        await spoken(voice, "Hello.")


@pytest.mark.models
async def test_what_was_said_before_is_not_made_again(voice: EmbeddedVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    once = await spoken(voice, TWO_SENTENCES)
    monkeypatch.setattr(HibariSynthesiser, "synthesise", lambda self, sentence: pytest.fail("made again"))
    assert await spoken(voice, TWO_SENTENCES) == once


def test_the_cache_drops_what_was_not_used_for_longest() -> None:
    pieces = PieceCache(limit=10)
    a_piece = SpokenPiece(bytes(4), ())
    pieces.put("a", a_piece)
    pieces.put("b", a_piece)
    assert pieces.get("a") is a_piece
    pieces.put("c", a_piece)
    assert pieces.get("b") is None
    assert pieces.get("a") is a_piece
    assert pieces.get("c") is a_piece


def test_a_piece_larger_than_the_cache_is_not_kept() -> None:
    pieces = PieceCache(limit=10)
    pieces.put("a", SpokenPiece(bytes(12), ()))
    assert pieces.get("a") is None
