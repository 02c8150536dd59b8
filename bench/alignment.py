"""Where the wire and the call clock meet: a capture laid beside the product's own recording of the same call.

The recording holds, for every media tick, what came out of the jitter buffer and what was sent in that tick. So a frame
of the agent that is found in both tells when its tick was, and a packet of the caller that is found in both tells how
long it took from the wire to the call clock: jitter buffer, decoder and concealment.
"""

from __future__ import annotations

import audioop
import wave
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.peers.rtp import PCMU, RtpPacket, RtpStream
from tests.peers.speech import Samples

FRAME_MS, FRAME_SAMPLES, SAMPLES_PER_MS = 20, 160, 8
LONGEST_BUFFERING_MS = 600
_AUDIBLE = 300
"""Amplitude of a frame that is told from others by its samples."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """`tick_zero_ns` is when the packet of tick 0 left, or would have; the caller's side of the recording is PCM."""

    tick_zero_ns: float
    caller: bytes

    @classmethod
    def of(cls, agent: RtpStream, recording: Path) -> Alignment:
        """:raises ValueError: the recording is not of this call, or the call is not G.711 µ-law"""
        caller, sent = _sides(recording)
        ticks: dict[bytes, list[int]] = {}
        for tick in range(len(sent) // FRAME_SAMPLES):
            frame = sent[tick * FRAME_SAMPLES : (tick + 1) * FRAME_SAMPLES]
            if np.abs(frame).max() > _AUDIBLE:
                ticks.setdefault(audioop.lin2ulaw(frame.tobytes(), 2), []).append(tick)
        first = agent.packets[0].timestamp
        frames = [((packet.timestamp - first) // FRAME_SAMPLES, packet) for packet in agent.packets]
        found = Counter(tick - number for number, packet in frames for tick in ticks.get(packet.payload, ()))
        if not found or agent.packets[0].payload_type != PCMU:
            raise ValueError(f"{recording.name} holds nothing of the captured agent")
        ((offset, _),) = found.most_common(1)
        zero = np.median([packet.at_ns - (number + offset) * FRAME_MS * 1e6 for number, packet in frames])
        return cls(float(zero), caller.tobytes())

    def clock_ms(self, at_ns: float) -> float:
        """The call clock at this time on the wire: a tick's frame ends, and its packet leaves, at the tick."""
        return (at_ns - self.tick_zero_ns) / 1e6 + FRAME_MS

    def heard_ms(self, packet: RtpPacket) -> float | None:
        """Call clock at the end of the audio of a caller's packet, None when the recording does not have it whole."""
        samples = audioop.ulaw2lin(packet.payload, 2)
        earliest = max(0, round((self.clock_ms(packet.at_ns) - FRAME_MS - 1) * SAMPLES_PER_MS)) * 2
        latest = earliest + (LONGEST_BUFFERING_MS + FRAME_MS) * SAMPLES_PER_MS * 2
        at = self.caller.find(samples, earliest, latest)
        while at > 0 and at % 2:
            at = self.caller.find(samples, at + 1, latest)
        return None if at < 0 else (at // 2 + FRAME_SAMPLES) / SAMPLES_PER_MS

    def buffering_ms(self, caller: RtpStream, at_ns: int) -> float | None:
        """From the wire to the call clock, for the last packet until `at_ns` that the recording has; None when a second
        of packets is not in it."""
        packets = [packet for packet in caller.packets if at_ns - 1e9 < packet.at_ns <= at_ns]
        for packet in reversed(packets):
            if _loudest(packet) > _AUDIBLE and (heard := self.heard_ms(packet)) is not None:
                return heard - self.clock_ms(packet.at_ns)
        return None


def _loudest(packet: RtpPacket) -> int:
    return audioop.max(audioop.ulaw2lin(packet.payload, 2), 2) if packet.payload_type == PCMU else 0


def _sides(recording: Path) -> tuple[Samples, Samples]:
    with wave.open(str(recording), "rb") as file:
        both = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    return np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1])
