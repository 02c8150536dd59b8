"""Passing audio on, holding unfinished words, and going on in another voice: the pure core."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.audio import FRAME_SAMPLES, SAMPLE_RATE, ms_to_samples
from gateway.providers.base import SpokenWord, VoiceChunk
from gateway.providers.failover.spoken_text import AHEAD_SECONDS, SpokenText
from tests.providers.emulators.tone_words import GAP_MS, VOCABULARY, WORD_MS, encode
from tests.providers.failover.wire import Heard

EACH = ms_to_samples(WORD_MS + GAP_MS)
SENTENCE = "seven black paper lemon green river three north"
PACE = EACH / 6
"""Samples per character of words with five letters, said as tone words."""


def chunks_of(text: str, size: int, *, timed: bool, lead: int = 0) -> list[VoiceChunk]:
    """A voice's chunks of `size` samples, with the words that begin in each."""
    pcm = bytes(2 * lead) + encode(text)
    words = [
        SpokenWord(word, lead + place * EACH, lead + place * EACH + ms_to_samples(WORD_MS))
        for place, word in enumerate(text.split())
    ]
    return [
        VoiceChunk(pcm[2 * at : 2 * (at + size)], tuple(w for w in words if timed and at <= w.start < at + size))
        for at in range(0, len(pcm) // 2, size)
    ]


class Play:
    """Drives a text in virtual time, as the shell does."""

    def __init__(self, text: str) -> None:
        self.spoken = SpokenText(text)
        self.heard = Heard()
        self.now = 0.0

    def add(self, chunk: VoiceChunk | None) -> None:
        if chunk is not None:
            self.heard.add(chunk, self.now)

    def wait(self, seconds: float) -> None:
        """Time passes, and held audio is released when it is due."""
        until = self.now + seconds
        while (due := self.spoken.due) is not None and due <= until:
            self.now = max(self.now, due)
            self.add(self.spoken.release(self.now))
        self.now = until

    def speak(self, chunks: list[VoiceChunk], every: float) -> None:
        for chunk in chunks:
            self.add(self.spoken.take(chunk, self.now))
            self.wait(every)


def cut_and_go_on(text: str, *, timed: bool, size: int, speed: float, said_seconds: float, lead: int = 0) -> Play:
    """A voice breaks off after a while, and another one goes on at once."""
    play = Play(text)
    chunks = chunks_of(play.spoken.begin(timed=timed, pace=PACE), size, timed=timed)
    said = -(-round(said_seconds * SAMPLE_RATE) // size)
    play.speak(chunks[:said], size / SAMPLE_RATE / speed)
    rest = play.spoken.begin(timed=timed, pace=PACE)
    play.speak(chunks_of(rest, 800, timed=timed, lead=lead), 0.01)
    play.add(play.spoken.finish(play.now))
    return play


@given(
    st.lists(st.sampled_from(VOCABULARY), min_size=4, max_size=12),
    st.integers(80, 4000),
    st.floats(3, 50),
    st.floats(0.8, 3),
    st.integers(0, 8000),
)
def test_a_voice_that_breaks_off_loses_doubles_and_halves_no_word(
    words: list[str], size: int, speed: float, said_seconds: float, lead: int
) -> None:
    play = cut_and_go_on(" ".join(words), timed=True, size=size, speed=speed, said_seconds=said_seconds, lead=lead)
    assert play.heard.texts == words
    assert play.heard.fragments == 0
    assert play.heard.gap_ms <= GAP_MS + 3
    assert [word.text for word in play.heard.words] == words


@given(st.lists(st.sampled_from(VOCABULARY), min_size=4, max_size=12), st.integers(80, 4000), st.floats(0, 3))
def test_however_early_a_voice_breaks_off_every_word_is_counted_once(
    words: list[str], size: int, said_seconds: float
) -> None:
    play = cut_and_go_on(" ".join(words), timed=True, size=size, speed=2, said_seconds=said_seconds)
    assert [word.text for word in play.heard.words] == words


@given(st.integers(80, 4000), st.floats(4, 50), st.floats(1.2, 1.9))
def test_words_without_times_are_found_by_the_voices_pace(size: int, speed: float, said_seconds: float) -> None:
    play = cut_and_go_on(SENTENCE, timed=False, size=size, speed=speed, said_seconds=said_seconds)
    assert play.heard.texts == SENTENCE.split()
    assert play.heard.fragments == 0
    assert [word.text for word in play.heard.words] == SENTENCE.split()


@given(st.integers(200, 3000), st.floats(2, 30))
def test_word_times_of_both_voices_count_from_the_start_of_the_text(size: int, speed: float) -> None:
    play = Play(SENTENCE)
    chunks = chunks_of(play.spoken.begin(timed=True, pace=PACE), size, timed=True)
    play.speak(chunks[: len(chunks) // 2], size / SAMPLE_RATE / speed)
    rest = play.spoken.begin(timed=True, pace=PACE)
    play.now = play.spoken.runs_dry_at  # so that nothing is late and audio is one piece
    play.speak(chunks_of(rest, 800, timed=True, lead=1600), 0.001)
    play.add(play.spoken.finish(play.now))
    whole = [tone for tone in play.heard.tones if tone.whole]
    for word, tone in zip(play.heard.words, whole, strict=True):
        assert word.text == tone.text
        assert abs(word.start / 8 - tone.start_ms) <= 4
        assert abs(word.end / 8 - tone.end_ms) <= 4


@given(st.integers(160, 3000), st.floats(1.5, 30))
def test_a_voice_that_says_all_is_passed_on_as_it_is(size: int, speed: float) -> None:
    play = Play(SENTENCE)
    chunks = chunks_of(play.spoken.begin(timed=False, pace=PACE), size, timed=False)
    play.speak(chunks, size / SAMPLE_RATE / speed)
    play.add(play.spoken.finish(play.now))
    assert play.heard.pcm == encode(SENTENCE)
    assert play.heard.late == []
    assert play.heard.words == []


def test_the_first_audio_is_passed_on_at_once() -> None:
    spoken = SpokenText(SENTENCE)
    first, *_ = chunks_of(spoken.begin(timed=True, pace=PACE), 800, timed=True)
    passed = spoken.take(first, 5.0)
    assert passed is not None
    assert passed.pcm == first.pcm


def test_a_word_that_is_not_whole_is_held_while_there_is_time() -> None:
    spoken = SpokenText(SENTENCE)
    pcm = spoken.begin(timed=True, pace=PACE)
    two_and_a_half = chunks_of(pcm, EACH * 5 // 2, timed=True)[0]
    passed = spoken.take(two_and_a_half, 0.0)
    assert passed is not None
    assert len(passed.pcm) // 2 == EACH + ms_to_samples(WORD_MS)
    assert spoken.due is not None
    assert spoken.due + AHEAD_SECONDS == pytest.approx(len(passed.pcm) / 2 / SAMPLE_RATE)
    released = spoken.release(spoken.due)
    assert released is not None
    assert FRAME_SAMPLES <= len(released.pcm) // 2 < EACH // 2


def test_silence_of_another_voices_beginning_is_not_played() -> None:
    play = Play(SENTENCE)
    chunks = chunks_of(play.spoken.begin(timed=True, pace=PACE), 800, timed=True)
    play.speak(chunks[:12], 0.01)
    rest = play.spoken.begin(timed=True, pace=PACE)
    play.speak(chunks_of(rest, 800, timed=True, lead=4000), 0.001)
    play.add(play.spoken.finish(play.now))
    assert play.heard.texts == SENTENCE.split()
    assert play.heard.gap_ms <= GAP_MS + 3


def test_no_sound_and_far_too_little_is_no_speech() -> None:
    spoken = SpokenText(SENTENCE)
    spoken.begin(timed=True, pace=PACE)
    assert not spoken.plausible
    spoken.take(VoiceChunk(bytes(40000)), 0.0)
    assert not spoken.plausible
    spoken.begin(timed=True, pace=PACE)
    spoken.take(VoiceChunk(encode("seven")[:600]), 3.0)
    assert not spoken.plausible
    spoken.take(VoiceChunk(encode("seven black")), 3.0)
    assert spoken.plausible
