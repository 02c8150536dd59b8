from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.stt.timeline import Timeline
from tests.providers.speech import silence


def test_without_a_hold_times_differ_by_the_start() -> None:
    timeline = Timeline()
    for at in range(5000, 6000, 20):
        timeline.add(silence(20), at)
    assert (timeline.start(0), timeline.start(400), timeline.end(1000)) == (5000, 5400, 6000)
    assert (timeline.sent_ms, timeline.end_ms) == (1000, 6000)


def test_a_hold_lies_between_what_ended_before_and_what_began_after_it() -> None:
    timeline = Timeline()
    timeline.add(silence(1000), 0)
    timeline.add(silence(1000), 8000)
    assert (timeline.end(1000), timeline.start(1000)) == (1000, 8000)
    assert (timeline.end(1001), timeline.start(999)) == (8001, 999)
    assert timeline.sent_ms == 2000


def test_audio_that_comes_again_is_left_out() -> None:
    timeline = Timeline()
    timeline.add(silence(100), 0)
    assert timeline.add(silence(100), 40) == silence(40)
    assert timeline.add(silence(20), 60) == b""
    assert timeline.end_ms == 140


def test_before_any_audio_times_are_as_they_are() -> None:
    assert Timeline().start(30) == 30


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=20))
def test_every_moment_of_the_audio_is_found_again(pieces: list[tuple[int, int]]) -> None:
    timeline, at, sent = Timeline(), 1000, 0
    for hold, frames in pieces:
        at += hold * 20
        timeline.add(silence(frames * 20), at)
        assert timeline.start(sent) == at
        assert timeline.end(sent + frames * 20) == at + frames * 20
        at, sent = at + frames * 20, sent + frames * 20
