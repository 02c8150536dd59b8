from __future__ import annotations

from itertools import pairwise

from gateway.call.waits import Waits


def asked(waits: Waits, *ticks: tuple[int, bool]) -> list[int]:
    return [at_ms for at_ms, speech in ticks if waits.heard(at_ms, speech)]


def test_the_leg_is_asked_when_the_caller_falls_silent() -> None:
    assert asked(Waits(), (0, False), (20, True), (40, True), (60, False), (80, False)) == [60]


def test_not_more_than_once_a_second() -> None:
    pauses = [(at_ms, at_ms % 200 != 0) for at_ms in range(0, 3000, 20)]
    moments = asked(Waits(), *pauses)
    assert moments
    assert all(later - earlier >= 1000 for earlier, later in pairwise(moments))


def test_what_was_said_nearest_to_the_end_of_speech_counts() -> None:
    waits = Waits()
    waits.said(1000, 40.0)
    waits.said(2000, 30.0)
    waits.said(2100, None)
    assert [waits.near(at_ms) for at_ms in (900, 1400, 1600, 5000)] == [40.0, 40.0, 30.0, 30.0]


def test_nothing_said_is_no_wait() -> None:
    assert Waits().near(1000) == 0
