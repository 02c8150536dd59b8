"""Audio in RTP as senders of all kinds put it there, and where in what was said each tick of a leg is."""

from __future__ import annotations

import asyncio
import audioop
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gateway.call.leg import LegFrame
from gateway.media.audio import FRAME_MS, FRAME_SAMPLES, SAMPLE_BYTES
from tests.peers.speech import RATE

PCMU = 0
QUIET_MS = 300
"""Of a stream, while its call is being connected and when it has ended: what comes then may be lost or concealed."""
_KEY_SAMPLES = 24
_LEAD_MS = 40
"""Packets are sent ahead by so much and their own length, or a busy machine makes gaps of its own."""

Pcm = NDArray[np.int16]


def said(milliseconds: int, seed: int = 1) -> Pcm:
    """Sound of which every few samples are in one place only, exact in PCMU, between two `QUIET_MS`."""
    noise = np.random.default_rng(seed).normal(0, 4000, milliseconds * RATE // 1000).astype(np.int16)
    noise[: QUIET_MS * RATE // 1000] = 0
    noise[-QUIET_MS * RATE // 1000 :] = 0
    return np.frombuffer(audioop.ulaw2lin(audioop.lin2ulaw(noise.tobytes(), SAMPLE_BYTES), SAMPLE_BYTES), np.int16)


@dataclass(frozen=True, slots=True)
class Sent:
    """One packet: when it goes, in ms, and the samples that it holds, from `first` of what is said."""

    at_ms: float
    first: int
    pcm: Pcm
    sequence: int
    timestamp: int
    ssrc: int = 0x1234
    marker: bool = False
    kind: int = PCMU

    def datagram(self) -> bytes:
        head = bytes([0x80, self.kind | (0x80 if self.marker else 0)]) + (self.sequence & 0xFFFF).to_bytes(2, "big")
        head += (self.timestamp & 0xFFFFFFFF).to_bytes(4, "big") + self.ssrc.to_bytes(4, "big")
        return head + audioop.lin2ulaw(self.pcm.tobytes(), SAMPLE_BYTES)


def packets(
    sound: Pcm, sizes_ms: Sequence[int] = (FRAME_MS,), *, sequence: int = 100, timestamp: int = 0
) -> list[Sent]:
    """A plain stream: packets of these sizes in turn, each sent when its last sample was said."""
    sent: list[Sent] = []
    first = 0
    while first < len(sound):
        count = sizes_ms[len(sent) % len(sizes_ms)] * RATE // 1000
        at_ms = (first + count) * 1000 / RATE
        sent.append(Sent(at_ms, first, sound[first : first + count], sequence + len(sent), timestamp + first))
        first += count
    return sent


async def send(transport: asyncio.DatagramTransport, address: tuple[str, int], stream: Sequence[Sent]) -> None:
    """Each packet at its time, and a little earlier."""
    loop = asyncio.get_running_loop()
    lead_ms = _LEAD_MS + max(len(packet.pcm) for packet in stream) * 1000 / RATE
    began = loop.time() - lead_ms / 1000
    for packet in stream:
        if (ahead := began + packet.at_ms / 1000 - loop.time()) > 0:
            await asyncio.sleep(ahead)
        transport.sendto(packet.datagram(), address)


@dataclass(frozen=True, slots=True)
class Heard:
    """A tick: `position` is the sample of what was said that it begins with, None where it is none of it."""

    tick: int
    position: int | None


def positions(frames: Sequence[LegFrame], sound: Pcm) -> list[Heard]:
    """Where each tick is in what was said."""
    quiet = QUIET_MS * RATE // 1000
    places = {sound[at : at + _KEY_SAMPLES].tobytes(): at for at in range(quiet, len(sound) - quiet)}
    return [Heard(frame.tick, _position(frame.caller, places)) for frame in frames]


def _position(frame: bytes, places: dict[bytes, int]) -> int | None:
    length = _KEY_SAMPLES * SAMPLE_BYTES
    for start in range(0, FRAME_SAMPLES - _KEY_SAMPLES, _KEY_SAMPLES):
        at = places.get(frame[start * SAMPLE_BYTES : start * SAMPLE_BYTES + length])
        if at is not None:
            return at - start
    return None


def broken_ms(heard: Sequence[Heard]) -> int:
    """How much of the time between the first and the last tick of what was said is something else, or not in order."""
    known = [one for one in heard if one.position is not None]
    inside = [one for one in heard if known[0].tick <= one.tick <= known[-1].tick]
    wrong = sum(
        not (a.position is not None and b.position is not None and b.position - a.position == FRAME_SAMPLES)
        for a, b in pairwise(inside)
    )
    return wrong * FRAME_MS
