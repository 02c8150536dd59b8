"""Whether a worker stands still: it ticks ten times a second, and one that does not hears and says nothing.

Machines are noisy, so a worker is judged against the others: silence counts while this process looked at its pulses on
time, and only when another worker did tick. A worker that is alone, or silent with all the others, has longer. One that
came back by itself is judged more patiently for a while.

Pure: times are seconds of any steady clock.
"""

from __future__ import annotations

from dataclasses import dataclass

LOOK_SECONDS = 0.05
"""Between looks."""
LATE_SECONDS = 0.05
"""A look that comes later than this was held up here: what it did not see may be waiting."""
FREEZE_LOOKS = 6
"""300 ms."""
ALONE_LOOKS = 60
"""3 s."""
FRESH_LOOKS = 3
MOST_PATIENCE = 4
FORGIVE_SECONDS = 60.0


@dataclass(slots=True)
class _Pulse:
    looked: float
    on_time: int = 0
    looks: int = 0
    beaten: bool = False
    patience: int = 1
    frozen_at: float = float("-inf")


class Pulses:
    """Of all the workers of a gateway."""

    def __init__(self) -> None:
        self._known: dict[object, _Pulse] = {}

    def begin(self, worker: object, now: float) -> None:
        """Its stream is open."""
        before = self._known.get(worker)
        self._known[worker] = _Pulse(now)
        if before is not None and now - before.frozen_at < FORGIVE_SECONDS:
            self._known[worker].patience = min(2 * before.patience, MOST_PATIENCE)

    def beat(self, worker: object) -> None:
        """A tick came."""
        if (pulse := self._known.get(worker)) is not None:
            pulse.on_time = pulse.looks = 0
            pulse.beaten = True

    def frozen(self, worker: object, now: float) -> bool:
        """Look at one: whether it has stood still for too long. Asked every LOOK_SECONDS."""
        pulse = self._known[worker]
        late = now - pulse.looked > LOOK_SECONDS + LATE_SECONDS
        pulse.looked = now
        pulse.looks += 1
        pulse.on_time = 0 if late else pulse.on_time + 1
        still = pulse.beaten and pulse.on_time > FREEZE_LOOKS * pulse.patience and self._another_beats(worker)
        if still or pulse.looks > ALONE_LOOKS:
            pulse.frozen_at = now
            return True
        return False

    def end(self, worker: object) -> None:
        """Its stream is closed: it says nothing of the others any more."""
        if (pulse := self._known.get(worker)) is not None:
            pulse.looks = ALONE_LOOKS

    def _another_beats(self, worker: object) -> bool:
        return any(other != worker and pulse.looks <= FRESH_LOOKS for other, pulse in self._known.items())
