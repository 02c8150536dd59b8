"""A held call laid open: both sides by their capture times, beside the call clock."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.alignment import FRAME_MS, FRAME_SAMPLES, SAMPLES_PER_MS, Alignment
from bench.caller import HeldCall
from tests.peers.rtp import RtpStream, Sound, decode
from tests.peers.speech import Samples
from tests.peers.talk import ActivityRule, Talkspurt, levels_dbfs, talkspurts

SEARCH_NS = 1_500_000_000
"""What was played is looked for this far around the moment at which it was asked for."""
PAUSE_RULE = ActivityRule(hangover_ms=300.0)
"""The agent's spurts: a pause between its sentences is shorter."""
_AUDIBLE_DBFS = -48.0


class Line:
    """One call. Times are capture times in ns, places in the caller's stream are samples of its packets in a row."""

    def __init__(self, *, caller: RtpStream, agent: RtpStream, recording: Path, record: Mapping[str, Any]) -> None:
        self.record = record
        self.caller = caller
        self.agent = agent
        self.alignment = Alignment.of(agent, recording)

    @classmethod
    def of(cls, held: HeldCall) -> Line:
        """:raises ValueError: the recording is not of this call"""
        return cls(caller=held.call.caller, agent=held.call.agent, recording=held.recording, record=held.record)

    @cached_property
    def _caller_sound(self) -> Sound:
        return decode(self.caller)

    @cached_property
    def _said(self) -> npt.NDArray[np.float64]:
        return np.frombuffer(self._caller_sound.pcm(), np.int16).astype(np.float64)

    @cached_property
    def agent_sound(self) -> Sound:
        """What the agent sent."""
        return decode(self.agent)

    @cached_property
    def agent_spurts(self) -> list[Talkspurt]:
        """When the agent spoke."""
        return talkspurts(self.agent_sound, PAUSE_RULE)

    @cached_property
    def agent_loud_ns(self) -> npt.NDArray[np.int64]:
        """When a packet left in which the agent can be heard."""
        loud: npt.NDArray[np.int64] = self.agent_sound.at_ns[levels_dbfs(self.agent_sound) >= _AUDIBLE_DBFS]
        return loud

    def place(self, sound: Samples, near_ns: int) -> int:
        """The sample of the caller's stream at which a sound begins that was asked for at `near_ns`."""
        times = self._caller_sound.at_ns
        first = int(np.searchsorted(times, near_ns - SEARCH_NS)) * FRAME_SAMPLES
        last = int(np.searchsorted(times, near_ns + SEARCH_NS)) * FRAME_SAMPLES + len(sound)
        span = self._said[first:last]
        size = 1 << (len(span) + len(sound)).bit_length()
        product = np.fft.rfft(span, size) * np.conj(np.fft.rfft(sound.astype(np.float64), size))
        return first + int(np.argmax(np.fft.irfft(product, size)[: max(1, len(span) - len(sound))]))

    def sent_ns(self, sample: float) -> int:
        """When the packet left that holds this sample of the caller."""
        return int(self._caller_sound.at_ns[min(int(sample) // FRAME_SAMPLES, len(self._caller_sound.at_ns) - 1)])

    def wall_ns(self, clock_ms: float) -> float:
        """When the tick was at which the call clock showed this."""
        return self.alignment.tick_zero_ns + (clock_ms - FRAME_MS) * 1e6

    def agent_pcm(self, first_ns: float, last_ns: float) -> bytes:
        """What the agent sent between two moments."""
        sound = self.agent_sound
        chosen = [
            frame.tobytes() for at, frame in zip(sound.at_ns, sound.frames, strict=True) if first_ns <= at <= last_ns
        ]
        return b"".join(chosen)


def first_audible_sample(sound: Samples, dbfs: float = -45.0) -> int:
    """Where the first 10 ms begin that a listener can hear."""
    size = 10 * SAMPLES_PER_MS
    frames = sound[: len(sound) // size * size].reshape(-1, size).astype(np.float64)
    return int(np.argmax(np.mean(frames**2, axis=1) > (32768 * 10 ** (dbfs / 20)) ** 2)) * size
