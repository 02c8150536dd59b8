"""The rule for outgoing RTP on a shared machine.

No gap above 40 ms for the whole call, plus what the peer's own media clock, in C, on the same machine and in the same
capture, was late at worst. The timestamp rises by one frame per packet, and no sequence number is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.peers.pcap import Datagram
from tests.peers.rtp import Pacing, RtpStream, pacing, streams

GAP_LIMIT_MS = 40.0
FRAME_MS = 20.0


def from_ports(captured: Sequence[Datagram], ports: tuple[int, int]) -> list[RtpStream]:
    """Streams that were sent from the ports first…last."""
    return [stream for stream in streams(captured) if ports[0] <= stream.source[1] <= ports[1]]


def to_ports(captured: Sequence[Datagram], ports: tuple[int, int]) -> list[RtpStream]:
    """Streams that were sent to the ports first…last."""
    return [stream for stream in streams(captured) if ports[0] <= stream.destination[1] <= ports[1]]


def longest(found: Sequence[RtpStream]) -> RtpStream:
    """The stream with the most packets."""
    return max(found, key=lambda stream: len(stream.packets))


def allowed_gap_ms(reference: Pacing) -> float:
    """The limit, given how the peer's own stream was paced."""
    return GAP_LIMIT_MS + max(0.0, reference.gap_max_ms - FRAME_MS)


def assert_continuous(ours: RtpStream, reference: RtpStream, *, samples_per_packet: int = 160) -> Pacing:
    """Returns the pacing of our stream; both streams are of the same call."""
    found, peer = pacing(ours.packets), pacing(reference.packets)
    seconds = (ours.end_ns - ours.start_ns) / 1e9
    assert found.gap_max_ms <= allowed_gap_ms(peer), f"{found} (the peer's own: {peer})"
    assert (found.lost, found.reordered) == (0, 0), found
    assert set(found.timestamp_steps) == {samples_per_packet}, found
    assert found.packets >= seconds * 50 * 0.99, f"{found.packets} packets in {seconds:.1f} s"
    return found
