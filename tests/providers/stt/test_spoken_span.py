"""Where a text was spoken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.stt.spoken_span import SpokenSpan
from tests.providers.speech import silence, tone


def heard(pcm: bytes) -> SpokenSpan:
    span = SpokenSpan()
    span.push(pcm)
    return span


def times(span: SpokenSpan, text: str) -> list[tuple[int, int]]:
    return [(word.start_ms, word.end_ms) for word in span.words(text)]


def test_words_share_the_time_of_the_sound_by_their_lengths() -> None:
    span = heard(silence(1000) + tone(400, 600) + silence(200))
    assert times(span, "one three") == [(1000, 1240), (1240, 1600)]


def test_a_pause_is_given_to_no_word() -> None:
    span = heard(tone(400, 440) + silence(1500) + tone(400, 600))
    assert times(span, "hello please one two") == [(0, 297), (297, 2143), (2143, 2341), (2341, 2540)]


def test_sound_is_measured() -> None:
    span = heard(tone(400, 400) + silence(500) + tone(400, 300) + tone(400, 100, 0.001))
    assert (span.sound_ms(0), span.sound_ms(500), span.sound_ms(1200)) == (700, 300, 0)
    assert heard(tone(400, 400, 0.001)).sound_ms(0) == 0


def test_noise_far_below_the_speech_is_none() -> None:
    span = heard(tone(200, 1000, 0.01) + tone(400, 600) + tone(200, 200, 0.01))
    assert times(span, "hello") == [(1000, 1600)]


def test_in_a_long_noise_a_text_takes_the_end() -> None:
    assert times(heard(tone(400, 20_000)), "yes") == [(19_200, 20_000)]


def test_nothing_is_spoken_in_silence() -> None:
    assert times(heard(silence(600)), "") == []
    assert times(heard(silence(600)), "ghost") == [(600, 600)]


def test_what_follows_begins_where_the_last_text_was_asked_for() -> None:
    span = heard(tone(400, 600) + silence(10)).next()
    span.push(silence(90) + tone(400, 300))
    assert times(span, "yes") == [(700, 1000)]


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=20), st.text(max_size=30))
def test_words_are_in_order_and_inside_of_the_audio(sizes: list[int], text: str) -> None:
    span = SpokenSpan()
    for size in sizes:
        span.push(b"\x00\x20" * size)
    edges = [at for start, end in times(span, text) for at in (start, end)]
    assert edges == sorted(edges)
    assert all(0 <= at <= sum(sizes) / 8 for at in edges)
    assert [word.text for word in span.words(text)] == text.split()
