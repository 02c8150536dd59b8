"""What a bad network does to the packets of one direction, by a seed: the decisions of `tests.peers.relay`.

Pure: a packet comes with its time and leaves as the times at which it goes on. The same seed and the same packets make
the same fate, packet by packet: each takes the same number of random draws, whatever became of it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

PACKET_MS = 20.0
"""Of every codec of a telephone as it is used here; the unit of `reorder_depth`."""


@dataclass(frozen=True, slots=True)
class Impairments:
    """Of one direction. Probabilities are 0…1; times are ms, those of surges and black holes since its first packet.

    :param loss: of each packet by itself
    :param burst_loss: part of the packets lost in bursts of `burst_packets` in the mean (Gilbert's model)
    :param delay_ms: of every packet, RTCP included
    :param jitter_ms: uniform: 0…jitter_ms more; normal: deviation of one side, cut at four; exponential: mean
    :param jitter_reorders: whether jitter lets a packet overtake another
    :param reorder: of a packet to be held back until `reorder_depth` others have passed
    :param duplicates: of a packet to come twice
    :param drift_ppm: the sender's clock is fast by so much; a fast one draws on `delay_ms`: no packet goes on before it
        came
    :param paced: packets go on by their RTP timestamps (of 8000 Hz), counted from the first, in place of the time at
        which they came, so that a caller may be as uneven as the machine makes it as long as it is ahead by `delay_ms`
    :param surges: (from, length): what comes within is held, and goes on all at once at its end
    :param black_holes: (from, to): what comes within is lost, RTCP included
    """

    loss: float = 0.0
    burst_loss: float = 0.0
    burst_packets: float = 1.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    jitter: Literal["uniform", "normal", "exponential"] = "uniform"
    jitter_reorders: bool = False
    reorder: float = 0.0
    reorder_depth: int = 1
    duplicates: float = 0.0
    drift_ppm: float = 0.0
    paced: bool = False
    surges: tuple[tuple[float, float], ...] = ()
    black_holes: tuple[tuple[float, float], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Impairments:
        """Of `as_json`."""
        spans = {name: tuple(map(tuple, data.get(name, ()))) for name in ("surges", "black_holes")}
        return cls(**{**data, **spans})


_UNITS_PER_MS = 8
UNIMPAIRED = Impairments()


class Impairer:
    """Decides over the packets of one direction, in the order in which they come."""

    def __init__(self, impairments: Impairments, seed: int | str) -> None:
        self.impairments = impairments
        self._random = random.Random(seed)
        self._start_ms: float | None = None
        self._first_timestamp = 0
        self._in_burst = False
        self._last_ms = 0.0
        self.arrived = self.lost = self.duplicated = self.reordered = 0

    def packet(self, came_ms: float, timestamp: int = 0) -> tuple[float, ...]:
        """When a media packet that comes at `came_ms` (of any steady clock) goes on: never, once or twice.

        :param timestamp: of its RTP header
        """
        self.arrived += 1
        if self._start_ms is None:
            self._start_ms, self._first_timestamp = came_ms, timestamp
        lost, late, held, twice = self._draw()
        since = came_ms - self._start_ms
        if self.impairments.paced:
            since = (timestamp - self._first_timestamp) / _UNITS_PER_MS
        now_ms = self._start_ms + since
        if lost or self._swallowed(since):
            self.lost += 1
            return ()
        at = max(came_ms, now_ms + self.impairments.delay_ms + late + self._drift_ms(since), self._surge_end(since))
        if held:
            self.reordered += 1
            at += (self.impairments.reorder_depth + 0.5) * PACKET_MS
        elif not self.impairments.jitter_reorders:
            at = self._last_ms = max(at, self._last_ms)
        if twice:
            self.duplicated += 1
            return at, at
        return (at,)

    def control_packet(self, now_ms: float) -> tuple[float, ...]:
        """When an RTCP packet goes on: delayed as media is, neither lost nor late for itself."""
        since = now_ms - self._start_ms if self._start_ms is not None else 0.0
        if self._swallowed(since):
            return ()
        return (max(now_ms, now_ms + self.impairments.delay_ms + self._drift_ms(since)),)

    def _draw(self) -> tuple[bool, float, bool, bool]:
        """Lost, later by ms, held back, doubled."""
        one, draw = self.impairments, self._random.random
        alone, chain, spread, order, twice = draw(), draw(), self._random.gauss(0, 1), draw(), draw()
        lost = (alone < one.loss) | self._burst(chain)
        return lost, self._jitter_ms(chain, spread), order < one.reorder, twice < one.duplicates

    def _burst(self, draw: float) -> bool:
        """A step of Gilbert's chain: a burst ends with 1/mean, and begins as often as makes `burst_loss` of all."""
        one = self.impairments
        if not one.burst_loss:
            self._in_burst = False
        elif self._in_burst:
            self._in_burst = draw >= 1 / one.burst_packets
        else:
            self._in_burst = draw < one.burst_loss / (one.burst_packets * (1 - one.burst_loss))
        return self._in_burst

    def _jitter_ms(self, uniform: float, normal: float) -> float:
        one = self.impairments
        match one.jitter:
            case "uniform":
                return self._random.random() * one.jitter_ms
            case "normal":
                return min(abs(normal), 4.0) * one.jitter_ms
            case "exponential":
                return self._random.expovariate(1.0) * one.jitter_ms

    def _drift_ms(self, since_ms: float) -> float:
        return -since_ms * self.impairments.drift_ppm * 1e-6

    def _surge_end(self, since_ms: float) -> float:
        ends = [start + length for start, length in self.impairments.surges if start <= since_ms < start + length]
        return max(ends) + (self._start_ms or 0.0) if ends else 0.0

    def _swallowed(self, since_ms: float) -> bool:
        return any(start <= since_ms < end for start, end in self.impairments.black_holes)
