"""Keys that we send: events to the letter of RFC 4733 section 2.5.1 as another program reads them, tones, and INFO."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from gateway.errors import LegError
from gateway.sip.keypad import KEYS
from tests.peers.capture import capture
from tests.peers.tshark import DissectedPacket, dissect_rtp
from tests.sip.exchange import Told, exchange
from tests.sip.party import Party, party

_AT_ONCE = 100
"""Keys that fit into the stack's queue."""
_KEY_SECONDS = 0.36
_ENDS = 3


@dataclass(frozen=True, slots=True)
class Codec:
    """How it is offered: its payload type and the events' beside it, what is wished of packets; `packet_ms` is sent."""

    name: str
    kind: int
    events: int
    clock: int
    wish: str = "a=ptime:20"
    packet_ms: int = 20

    @property
    def ticks(self) -> int:
        """RTP ticks of a packet."""
        return self.clock * self.packet_ms // 1000

    def offer(self, ann: Party) -> str:
        lines = [f"a=rtpmap:{self.kind} {self.name}", f"a=rtpmap:{self.events} telephone-event/{self.clock}"]
        lines += [f"a=fmtp:{self.events} 0-15", self.wish, "a=sendrecv", ""]
        head = ann.sdp(payloads=f"{self.kind} {self.events}").split("a=rtpmap", 1)[0]
        return head + "\r\n".join(lines)


CODECS = [
    Codec("PCMU/8000", 0, 101, 8000),
    Codec("PCMA/8000", 8, 96, 8000, wish="a=ptime:30"),
    Codec("PCMU/8000", 0, 100, 8000, wish="a=ptime:20\r\na=maxptime:10", packet_ms=10),
    Codec("G722/8000", 9, 121, 8000, wish="a=ptime:40\r\na=maxptime:150"),
    Codec("opus/48000/2", 111, 110, 48000),
]


def presses(packets: list[DissectedPacket]) -> list[list[DissectedPacket]]:
    """The packets of each press."""
    events = [packet for packet in packets if packet.event is not None]
    return [list(group) for _, group in groupby(events, key=lambda packet: packet.timestamp)]


def faults(packets: list[DissectedPacket], codec: Codec) -> list[str]:
    """Where what was sent is not as the standard has it."""
    found = []
    for press in presses(packets):
        ends = [packet for packet in press if packet.end]
        going = press[: -len(ends)] if ends else press
        duration = ends[0].duration if ends else 0
        name = f"{press[0].event} at {press[0].timestamp}"
        checks = {
            "payload type": {packet.payload_type for packet in press} == {codec.events},
            "one key": len({packet.event for packet in press}) == 1,
            "marker on the first only": [packet.marker for packet in press] == [True] + [False] * (len(press) - 1),
            "three ends": len(ends) == _ENDS and {packet.duration for packet in ends} == {duration},
            "growing duration": [packet.duration for packet in [*going, ends[0]] if ends]
            == [codec.ticks * (index + 1) for index in range(len(going) + 1)],
            "long enough": duration >= codec.clock // 10,
            "nothing between": all((b.sequence - a.sequence) & 0xFFFF == 1 for a, b in pairwise(press)),
        }
        found += [f"{name}: {check}" for check, holds in checks.items() if not holds]
    return found + clock_faults(packets, codec)


def clock_faults(packets: list[DissectedPacket], codec: Codec) -> list[str]:
    """Where the timestamp of audio is not that of its place among the packets, of which each is `ptime` long."""
    audio = [(index, packet) for index, packet in enumerate(packets) if packet.event is None]
    return [
        f"clock after {packet.timestamp}"
        for (index, packet), (next_index, following) in pairwise(audio)
        if (following.timestamp - packet.timestamp) & 0xFFFFFFFF != (next_index - index) * codec.ticks
    ]


async def sent_keys(told: Told, keys: str) -> None:
    """Sends them all, as many at once as are taken."""
    for at in range(0, len(keys), _AT_ONCE):
        part = keys[at : at + _AT_ONCE]
        await told.leg.send_digits(part)
        await asyncio.sleep(len(part) * _KEY_SECONDS + 0.4)


@dataclass(frozen=True, slots=True)
class Sent:
    """What another program reads of a call in which keys were sent."""

    codec: Codec
    packets: list[DissectedPacket]


async def captured(keys: str, folder: Path) -> list[Sent]:
    """One call with each codec, all at once."""
    async with exchange(sip={"max_calls": len(CODECS)}) as ours, AsyncExitStack() as lines:
        anns = [await lines.enter_async_context(party(ours.address)) for _ in CODECS]
        ports = [ann.rtp_port for ann in anns]
        async with capture(folder, ports=(min(ports), max(ports)), snap_bytes=200) as wire:
            tolds = []
            for index, (ann, codec) in enumerate(zip(anns, CODECS, strict=True)):
                await ann.call(body=codec.offer(ann))
                tolds.append(await ours.call(index))
            await asyncio.gather(*(sent_keys(told, keys) for told in tolds))
        for ann in anns:
            await ann.bye()
    return [
        Sent(codec, dissect_rtp(wire.path, to_port=port, event_type=codec.events))
        for codec, port in zip(CODECS, ports, strict=True)
    ]


@pytest.mark.scenario("DTM-02", peer="tshark", transport="udp")
@pytest.mark.parametrize(
    "count",
    [4, pytest.param(250, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
    ids=["a few", "more than a thousand in all"],
)
async def test_events_are_sent_as_the_standard_has_them(count: int, tmp_path: Path) -> None:
    rng = random.Random(count)
    keys = "55" + "".join(rng.choice(KEYS) for _ in range(count - 2))
    for sent in await captured(keys, tmp_path):
        assert not faults(sent.packets, sent.codec), sent.codec
        assert "".join(KEYS[press[0].event or 0] for press in presses(sent.packets)) == keys
        assert {packet.payload_type for packet in sent.packets} == {sent.codec.kind, sent.codec.events}


async def test_more_keys_than_wait_are_an_error() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.event("answered")
        with pytest.raises(LegError):
            await told.leg.send_digits("1" * 129)
        await ann.bye()
