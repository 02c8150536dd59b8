from __future__ import annotations

import asyncio

from gateway.worker.clock import AHEAD_MS, CallClock
from gateway.worker.timer import LATE_AUDIO_SECONDS, LEAD_MS, DeadlineTimer


class Line:
    """Loop and call clock on one injected time."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.loop = asyncio.new_event_loop()
        self.loop.time = lambda: self.seconds  # type: ignore[method-assign]
        self.clock = CallClock(monotonic=lambda: self.seconds)
        self.reached: list[tuple[float, int]] = []
        self.timer = DeadlineTimer(self.clock, lambda at: self.reached.append((self.clock.now(), at)))

    def until(self, ms: int, *, audio: bool = True, deadline: int | None = None) -> None:
        """Time passes to `ms` of the call clock by frames of 20 ms, which bring audio or not."""

        async def pass_time() -> None:
            if deadline is not None:
                self.timer.set(deadline)
            while self.seconds < 100 + ms / 1000:
                self.seconds += 0.001
                at = round((self.seconds - 100) * 1000)
                if audio and at % 20 == 0:
                    self.clock.heard(at)
                await asyncio.sleep(0)
                await asyncio.sleep(0)

        self.loop.run_until_complete(pass_time())


def test_a_deadline_is_met_before_the_tick_that_it_falls_on_and_dated_as_the_deadline() -> None:
    line = Line()
    line.until(100)
    line.until(600, deadline=500)
    ((now, at),) = line.reached
    assert 500 - LEAD_MS <= now < 500
    assert at == 500


def test_a_deadline_waits_for_the_audio_that_it_is_about() -> None:
    line = Line()
    line.until(100)
    line.until(800, audio=False, deadline=600)
    assert not line.reached, f"the clock stands at {100 + AHEAD_MS} ms"
    line.until(800 + round(LATE_AUDIO_SECONDS * 1000) + 20)
    assert [at for _, at in line.reached] == [round(now) for now, _ in line.reached]
    assert line.reached[0][0] >= 800


def test_only_the_last_deadline_is_met() -> None:
    line = Line()
    line.until(100)
    line.until(150, deadline=300)
    line.until(400, deadline=350)
    line.until(500, deadline=None)
    assert [at for _, at in line.reached] == [350]


def test_a_cancelled_deadline_is_not_met() -> None:
    line = Line()
    line.until(150, deadline=300)
    line.timer.cancel()
    line.until(400)
    assert not line.reached


def test_before_the_first_frame_time_counts_from_the_opening() -> None:
    line = Line()
    line.until(1200, audio=False, deadline=1000)
    assert [at for _, at in line.reached] == [1000]
