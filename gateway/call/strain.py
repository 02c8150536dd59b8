"""What the machine suffers from, by measurements: whether another call would hurt those that are up. Pure.

A measurement above its limit is no reason yet, nor is one below it all-clear: only what lasts counts, and what has
begun to refuse goes on until the measurement has been well below its limit for longer. So refusing does not flap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from gateway.errors import Overloaded

BEGIN_SECONDS = 1.0
"""A measurement is too high for this long before calls are refused for it."""
END_SECONDS = 3.0
"""It is low enough for this long before calls are taken again."""
EASED = 0.8
"""Of a limit: what is below that is low enough."""


class Measure(StrEnum):
    """What is measured; also the reason that a refused call is counted under."""

    PROCESSOR = "processor-load"
    MEDIA_CLOCK = "media-clock-late"
    EVENT_LOOP = "event-loop-late"
    MEMORY = "memory"
    RTP_PORTS = "rtp-ports"
    JOURNALS = "journals-unwritten"


_AT_ONCE = frozenset({Measure.MEMORY, Measure.RTP_PORTS, Measure.JOURNALS})
"""What cannot be had more of: there is nothing to wait for."""

_SENTENCES: Mapping[Measure, str] = MappingProxyType(
    {
        Measure.PROCESSOR: "The processors are at {value:.0%}, and admission.processor allows {limit:.0%}.",
        Measure.MEDIA_CLOCK: "The media clock is {value:.0f} ms late, and admission.media_late_ms allows {limit:.0f}.",
        Measure.EVENT_LOOP: "The event loop is {value:.0f} ms late, and admission.loop_late_ms allows {limit:.0f}.",
        Measure.MEMORY: "Memory is at {value:.0%} of its limit, and admission.memory allows {limit:.0%}.",
        Measure.RTP_PORTS: "No port of rtp.ports is free; other programs have some of them, or the range is too small.",
        Measure.JOURNALS: "The disk takes no journals, and disk.memory_megabytes are full of them.",
    }
)


@dataclass(slots=True)
class _State:
    limit: float
    value: float = 0.0
    suffering: bool = False
    since: float | None = None
    """When the measurement crossed to the other side."""

    def measured(self, value: float, now: float, begin_seconds: float) -> bool:
        """Take a value; true when it has changed whether calls are refused."""
        self.value = value
        crossed = value < self.limit * EASED if self.suffering else value >= self.limit
        if not crossed:
            self.since = None
            return False
        self.since = now if self.since is None else self.since
        if now - self.since < (END_SECONDS if self.suffering else begin_seconds):
            return False
        self.suffering, self.since = not self.suffering, None
        return True


@dataclass(slots=True)
class Strain:
    """:param limits: of each measure that counts; those of lateness in ms, the others as parts of 1"""

    limits: Mapping[Measure, float] = field(default_factory=dict)
    _states: dict[Measure, _State] = field(init=False)

    def __post_init__(self) -> None:
        self._states = {measure: _State(limit) for measure, limit in self.limits.items()}

    def measured(self, values: Mapping[Measure, float], now: float) -> Iterable[tuple[Measure, bool]]:
        """Take measurements; returns those for which calls are refused from now on, or are no more.

        :param now: seconds of any steady clock
        """
        return [
            (measure, state.suffering)
            for measure, value in values.items()
            if (state := self._states.get(measure))
            and state.measured(value, now, 0.0 if measure in _AT_ONCE else BEGIN_SECONDS)
        ]

    @property
    def reason(self) -> Overloaded | None:
        """Why no call is taken now, None when there is no such reason."""
        for measure, state in self._states.items():
            if state.suffering:
                sentence = _SENTENCES[measure].format(value=state.value, limit=state.limit)
                return Overloaded(sentence, reason=measure)
        return None
