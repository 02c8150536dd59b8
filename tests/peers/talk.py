"""Who spoke when, on the wire: speech activity of a captured direction, turn latency and barge-in.

Energy with hysteresis, frame by frame, a frame being an RTP packet: speech starts with `onset_frames` frames in a row
at or above `on_dbfs` and lasts until no frame has reached `off_dbfs` for `hangover_ms`. Onset and end are the capture
times of the first and the last loud packet themselves, so neither confirmation nor hangover is part of a measured time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.peers.rtp import Sound

SILENCE_DBFS = -100.0


@dataclass(frozen=True, slots=True)
class ActivityRule:
    """Levels in dBFS (0 is a full-scale square wave), times in ms of capture time."""

    on_dbfs: float = -42.0
    off_dbfs: float = -48.0
    onset_frames: int = 2
    hangover_ms: float = 500.0


@dataclass(frozen=True, slots=True)
class Talkspurt:
    """From the first loud packet to the last, capture times in ns."""

    start_ns: int
    end_ns: int

    @property
    def duration_ms(self) -> float:
        return (self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True, slots=True)
class TurnLatency:
    """Last loud packet of the caller → first loud packet of the agent."""

    caller_end_ns: int
    agent_start_ns: int

    @property
    def ms(self) -> float:
        return (self.agent_start_ns - self.caller_end_ns) / 1e6


@dataclass(frozen=True, slots=True)
class BargeIn:
    """First loud packet of the caller while the agent spoke → last loud packet of the agent."""

    caller_start_ns: int
    agent_end_ns: int

    @property
    def ms(self) -> float:
        return (self.agent_end_ns - self.caller_start_ns) / 1e6


def levels_dbfs(sound: Sound) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Root mean square of each packet."""
    return np.array([_dbfs(frame) for frame in sound.frames])


def _dbfs(frame: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
    if not len(frame):
        return SILENCE_DBFS
    power = float(np.mean(frame.astype(np.float64) ** 2))
    return 10 * np.log10(power / 32768.0**2) if power >= 1 else SILENCE_DBFS


def talkspurts(sound: Sound, rule: ActivityRule = ActivityRule()) -> list[Talkspurt]:
    """All spurts in order."""
    spurts: list[Talkspurt] = []
    start_ns = last_ns = 0
    loud = 0
    speaking = False
    for at_ns, level in zip(sound.at_ns.tolist(), levels_dbfs(sound).tolist(), strict=True):
        if speaking and at_ns - last_ns > rule.hangover_ms * 1e6:
            spurts.append(Talkspurt(start_ns, last_ns))
            speaking, loud = False, 0
        if speaking:
            last_ns = at_ns if level >= rule.off_dbfs else last_ns
        elif level >= rule.on_dbfs:
            start_ns = start_ns if loud else at_ns
            loud += 1
            speaking, last_ns = loud >= rule.onset_frames, at_ns
        else:
            loud = 0
    return [*spurts, Talkspurt(start_ns, last_ns)] if speaking else spurts


def turn_latencies(caller: Sequence[Talkspurt], agent: Sequence[Talkspurt]) -> list[TurnLatency]:
    """For every caller spurt that the agent answered before the caller spoke again: how long it took.

    A caller spurt at whose end the agent was speaking is no turn, and is left out.
    """
    found = []
    for index, turn in enumerate(caller):
        if any(spurt.start_ns <= turn.end_ns <= spurt.end_ns for spurt in agent):
            continue
        until_ns = caller[index + 1].start_ns if index + 1 < len(caller) else None
        answer = next((spurt.start_ns for spurt in agent if spurt.start_ns > turn.end_ns), None)
        if answer is not None and (until_ns is None or answer < until_ns):
            found.append(TurnLatency(turn.end_ns, answer))
    return found


def barge_ins(caller: Sequence[Talkspurt], agent: Sequence[Talkspurt]) -> list[BargeIn]:
    """For every caller spurt that began while the agent spoke: when the agent's spurt ended."""
    return [
        BargeIn(turn.start_ns, spurt.end_ns)
        for turn in caller
        for spurt in agent
        if spurt.start_ns < turn.start_ns < spurt.end_ns
    ]
