"""Synthetic captures: what a perfect, or a carefully damaged, stream looks like."""

from __future__ import annotations

import audioop
import struct
from collections.abc import Iterable, Sequence

import numpy as np

from tests.peers.pcap import Datagram
from tests.peers.rtp import PCMU

CALLER = ("127.0.0.1", 4000)
AGENT = ("127.0.0.1", 5000)
FRAME_NS = 20_000_000


def rtp_bytes(
    sequence: int,
    *,
    timestamp: int | None = None,
    ssrc: int = 7,
    payload_type: int = PCMU,
    payload: bytes = b"\xff" * 160,
) -> bytes:
    stamp = sequence * 160 if timestamp is None else timestamp
    header = struct.pack(">BBHII", 0x80, payload_type, sequence & 0xFFFF, stamp & 0xFFFFFFFF, ssrc)
    return header + payload


def tone(ms: int, *, amplitude: int = 8000) -> list[bytes]:
    """µ-law payloads of a 400 Hz tone, 20 ms each."""
    samples = np.sin(2 * np.pi * 400 * np.arange(ms * 8) / 8000) * amplitude
    data = audioop.lin2ulaw(samples.astype(np.int16).tobytes(), 2)
    return [data[offset : offset + 160] for offset in range(0, len(data), 160)]


def quiet(ms: int) -> list[bytes]:
    """µ-law payloads of silence, 20 ms each."""
    return [b"\xff" * 160] * (ms // 20)


def stream(
    payloads: Sequence[bytes],
    *,
    start_ns: int = 0,
    first_sequence: int = 0,
    lost: Iterable[int] = (),
    delays_ms: dict[int, float] | None = None,
    source: tuple[str, int] = CALLER,
    destination: tuple[str, int] = AGENT,
) -> list[Datagram]:
    """One datagram per payload, 20 ms apart, those with an index in `lost` left out, some late by `delays_ms`."""
    missing, late = set(lost), delays_ms or {}
    return [
        Datagram(
            at_ns=start_ns + index * FRAME_NS + int(late.get(index, 0) * 1e6),
            source=source,
            destination=destination,
            payload=rtp_bytes(first_sequence + index, payload=payload),
        )
        for index, payload in enumerate(payloads)
        if index not in missing
    ]
