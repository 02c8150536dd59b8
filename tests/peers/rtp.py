"""RTP as it was seen on the wire: streams, their pacing, their loss, their sound (RFC 3550, RFC 3551)."""

from __future__ import annotations

import audioop
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tests.peers.pcap import Datagram

PCMU, PCMA, G722 = 0, 8, 9
"""Static payload types."""
_RTCP_TYPES = range(192, 224)
"""Second byte of an RTCP packet when RTP and RTCP share a port (RFC 5761 section 4)."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """`at_ns` is when it was captured; sequence and timestamp are as sent, wrapping at 16 and 32 bits."""

    at_ns: int
    ssrc: int
    sequence: int
    timestamp: int
    payload_type: int
    marker: bool
    payload: bytes


@dataclass(slots=True)
class RtpStream:
    """Packets of one SSRC between two addresses, in the order they were captured."""

    source: tuple[str, int]
    destination: tuple[str, int]
    ssrc: int
    packets: list[RtpPacket] = field(default_factory=list)

    @property
    def start_ns(self) -> int:
        return self.packets[0].at_ns

    @property
    def end_ns(self) -> int:
        return self.packets[-1].at_ns


@dataclass(frozen=True, slots=True)
class Pacing:
    """How evenly a stream was sent. Gaps are milliseconds between packets that follow each other.

    `timestamp_steps` counts how often the timestamp rose by each number of units between consecutive sequence numbers.
    """

    packets: int
    lost: int
    reordered: int
    gap_median_ms: float
    gap_p999_ms: float
    gap_max_ms: float
    gap_max_at_ns: int
    timestamp_steps: dict[int, int]


@dataclass(frozen=True, slots=True)
class Sound:
    """What a G.711 stream carried: for every packet its capture time and its PCM (8000 Hz s16)."""

    at_ns: np.ndarray[tuple[int], np.dtype[np.int64]]
    frames: list[np.ndarray[tuple[int], np.dtype[np.int16]]]

    def pcm(self) -> bytes:
        """All packets one after the other; nothing is put in for lost ones."""
        return b"".join(frame.tobytes() for frame in self.frames)


def parse_rtp(datagram: Datagram) -> RtpPacket | None:
    """The RTP packet in a datagram, None when it holds none (RFC 3550 section 5.1)."""
    data = datagram.payload
    if len(data) < 12 or data[0] >> 6 != 2 or data[1] in _RTCP_TYPES:
        return None
    sequence, timestamp, ssrc = struct.unpack_from(">HII", data, 2)
    start = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int(struct.unpack_from(">H", data, start + 2)[0])
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    if start > end:
        return None
    return RtpPacket(
        at_ns=datagram.at_ns,
        ssrc=ssrc,
        sequence=sequence,
        timestamp=timestamp,
        payload_type=data[1] & 0x7F,
        marker=bool(data[1] & 0x80),
        payload=data[start:end],
    )


def streams(datagrams: Iterable[Datagram], *, min_packets: int = 10) -> list[RtpStream]:
    """All RTP streams with at least `min_packets`, by the time of their first packet."""
    found: dict[tuple[object, ...], RtpStream] = {}
    for datagram in datagrams:
        packet = parse_rtp(datagram)
        if packet is None:
            continue
        key = (datagram.source, datagram.destination, packet.ssrc)
        stream = found.setdefault(key, RtpStream(datagram.source, datagram.destination, packet.ssrc))
        stream.packets.append(packet)
    kept = [stream for stream in found.values() if len(stream.packets) >= min_packets]
    return sorted(kept, key=lambda stream: stream.start_ns)


def pacing(packets: Sequence[RtpPacket]) -> Pacing:
    """:raises ValueError: for fewer than two packets"""
    if len(packets) < 2:
        raise ValueError("pacing needs two packets")
    times = np.array([packet.at_ns for packet in packets], dtype=np.int64)
    gaps = np.diff(times) / 1e6
    steps: dict[int, int] = {}
    reordered = 0
    for before, after in pairwise(packets):
        ahead = _signed16(after.sequence - before.sequence)
        reordered += ahead < 0
        if ahead == 1:
            step = (after.timestamp - before.timestamp) & 0xFFFFFFFF
            steps[step] = steps.get(step, 0) + 1
    widest = int(gaps.argmax())
    return Pacing(
        packets=len(packets),
        lost=_lost(packets),
        reordered=reordered,
        gap_median_ms=float(np.median(gaps)),
        gap_p999_ms=float(np.percentile(gaps, 99.9)),
        gap_max_ms=float(gaps[widest]),
        gap_max_at_ns=int(times[widest]),
        timestamp_steps=steps,
    )


def _lost(packets: Sequence[RtpPacket]) -> int:
    """Sequence numbers between the lowest and the highest that never came; the counter wraps at 16 bits."""
    position, seen = 0, {0}
    for before, after in pairwise(packets):
        position += _signed16(after.sequence - before.sequence)
        seen.add(position)
    return max(seen) - min(seen) + 1 - len(seen)


def _signed16(difference: int) -> int:
    return (difference + 0x8000 & 0xFFFF) - 0x8000


def decode(stream: RtpStream) -> Sound:
    """PCM of a PCMU or PCMA stream; packets of other payload types (DTMF, comfort noise) count as silence."""
    frames = [_decode_packet(packet) for packet in stream.packets]
    return Sound(at_ns=np.array([packet.at_ns for packet in stream.packets], dtype=np.int64), frames=frames)


def _decode_packet(packet: RtpPacket) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    if packet.payload_type == PCMU:
        return np.frombuffer(audioop.ulaw2lin(packet.payload, 2), dtype=np.int16)
    if packet.payload_type == PCMA:
        return np.frombuffer(audioop.alaw2lin(packet.payload, 2), dtype=np.int16)
    return np.zeros(160, dtype=np.int16)
