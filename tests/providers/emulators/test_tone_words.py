from __future__ import annotations

import audioop

import numpy as np
import soxr
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.audio import FRAME_BYTES, SAMPLE_BYTES, ms_to_samples
from tests.providers.emulators.tone_words import GAP_MS, VOCABULARY, WORD_MS, decode, encode, hear, sounds_like

SOME_WORDS = st.lists(st.sampled_from(VOCABULARY), max_size=12)


def through_mulaw(pcm: bytes) -> bytes:
    return audioop.ulaw2lin(audioop.lin2ulaw(pcm, SAMPLE_BYTES), SAMPLE_BYTES)


def texts(pcm: bytes) -> list[str]:
    return [word for word, _, _ in decode(pcm)]


def test_every_word_has_a_sound_of_its_own() -> None:
    assert len(set(VOCABULARY)) == 64
    assert texts(through_mulaw(encode(VOCABULARY))) == list(VOCABULARY)


@given(SOME_WORDS, st.integers(0, 4000), st.integers(0, FRAME_BYTES // SAMPLE_BYTES))
def test_words_are_heard_with_their_times_through_the_telephone(words: list[str], before: int, after: int) -> None:
    heard = decode(through_mulaw(bytes(SAMPLE_BYTES * before) + encode(words) + bytes(SAMPLE_BYTES * after)))
    assert [word for word, _, _ in heard] == words
    for position, (_, start, end) in enumerate(heard):
        expected = before / 8 + position * (WORD_MS + GAP_MS)
        assert abs(start - expected) <= 3
        assert abs(end - expected - WORD_MS) <= 3


@given(st.sampled_from(VOCABULARY), st.integers(20, WORD_MS - 20))
def test_a_cut_word_is_not_whole(word: str, kept_ms: int) -> None:
    tone = encode([word], gap_ms=0)
    first, rest = tone[: SAMPLE_BYTES * ms_to_samples(kept_ms)], tone[SAMPLE_BYTES * ms_to_samples(kept_ms) :]
    assert decode(through_mulaw(first + bytes(2000))) == []
    assert decode(through_mulaw(first + bytes(2000) + rest)) == []
    assert texts(first + bytes(2000) + tone) == [word]


def test_a_cut_word_that_is_said_again_without_a_pause_is_not_whole() -> None:
    tone = encode(["river"], gap_ms=0)
    assert [(word.text, word.whole) for word in hear(tone[: len(tone) // 2] + tone)] == [("river", False)]


def test_words_of_other_speeds_are_heard() -> None:
    assert texts(encode("one two", word_ms=100)) == []
    assert [word for word, _, _ in decode(encode("one two", word_ms=100), word_ms=100)] == ["one", "two"]


def test_words_are_heard_after_resampling() -> None:
    samples = np.frombuffer(encode("red blue green"), "<i2")
    there = soxr.resample(samples, 8000, 24000)
    assert texts(soxr.resample(there, 24000, 8000).tobytes()) == ["red", "blue", "green"]


def test_any_text_sounds_like_words_of_the_vocabulary() -> None:
    text = "Hello, I'd like two Apples - please!"
    assert sounds_like(text)[0] == "hello"
    assert sounds_like(text)[-1] == "please"
    assert texts(encode(text)) == sounds_like(text)


def test_noise_is_no_word() -> None:
    noise = np.random.default_rng(1).normal(0, 4000, 16000).astype("<i2").tobytes()
    assert hear(noise) == []
