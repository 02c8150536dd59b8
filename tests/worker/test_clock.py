from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.worker.clock import AHEAD_MS, AWAY_MS, CallClock


class Monotonic:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_the_clock_stands_until_audio_comes() -> None:
    time = Monotonic()
    clock = CallClock(700, monotonic=time)
    time.seconds += 5
    assert clock.now() == 700
    assert clock.seconds_until(7700) == 2.0, "timers run all the same"


def test_time_goes_on_between_frames() -> None:
    time = Monotonic()
    clock = CallClock(monotonic=time)
    clock.heard(1000)
    time.seconds += 0.05
    assert clock.now() == 1050
    time.seconds += 0.2
    assert abs(clock.seconds_until(2000) - 0.75) < 1e-9


def test_the_clock_waits_for_audio_that_is_late_and_not_for_audio_that_is_away() -> None:
    time = Monotonic()
    clock = CallClock(monotonic=time)
    clock.heard(1000)
    time.seconds += 0.5
    assert clock.now() == 1000 + AHEAD_MS
    clock.heard(1500)
    assert clock.now() == 1500
    time.seconds += AWAY_MS / 1000
    assert clock.now() == 1500 + AWAY_MS


def test_a_late_frame_does_not_turn_the_clock_back() -> None:
    time = Monotonic()
    clock = CallClock(monotonic=time)
    clock.heard(1000)
    time.seconds += 0.09
    assert clock.now() == 1090
    clock.heard(1020)
    assert clock.now() >= 1090


def test_a_media_clock_that_runs_slower_is_followed() -> None:
    time = Monotonic()
    clock = CallClock(monotonic=time)
    for frame in range(60 * 60 * 50):
        time.seconds += 0.0200004
        clock.heard(frame * 20)
    assert abs(clock.now() - (60 * 60 * 50 - 1) * 20) <= 25


@given(st.lists(st.tuples(st.floats(0, 0.2), st.integers(0, 60)), max_size=60))
def test_the_clock_never_runs_backwards(steps: list[tuple[float, int]]) -> None:
    time = Monotonic()
    clock, at, last = CallClock(monotonic=time), 0, 0
    for seconds, advance in steps:
        time.seconds += seconds
        at += advance
        clock.heard(at)
        assert clock.now() >= last
        last = clock.now()
