"""Everything about the audio may change while somebody speaks: codec, payload types, packet time, address and port."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sip.dialogs.stream import Ear, listening, media, speaking
from tests.sip.exchange import Exchange, Told
from tests.sip.party import LOOPBACK, Party, Received

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-05", peer="scripted party", transport="udp"),
]
ELSEWHERE = "127.0.0.2"
GAP_MS = 60
EVENTS = "a=rtpmap:101 telephone-event/8000"
VOICE = b"\x00\x20\x00\xe0" * 16_000
"""4 s of a tone of 4 kHz, loud in every tick."""


class _Second(asyncio.DatagramProtocol):
    """Another RTP port of the caller."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._ear.packets.append((time.monotonic(), data))


@asynccontextmanager
async def second_port(host: str) -> AsyncIterator[tuple[int, Ear]]:
    ear = Ear()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Second(ear), local_addr=(host, 0))
    try:
        yield transport.get_extra_info("sockname")[1], ear
    finally:
        transport.close()


@dataclass(frozen=True, slots=True)
class Change:
    """What the new offer says. `kind` is the payload type that must come then, `packet_ms` the packets' time."""

    payloads: str = "0 101"
    attributes: tuple[str, ...] = (EVENTS,)
    kind: int = 0
    moves: str = ""
    packet_ms: int = 20


CHANGES = {
    "nothing": Change(),
    "PCMA": Change("8 101", kind=8),
    "PCMA and port": Change("8 101", kind=8, moves=LOOPBACK),
    "G.722": Change("9 101", kind=9),
    "opus": Change("111 101", ("a=rtpmap:111 opus/48000/2", EVENTS), kind=111),
    "opus by another type": Change("97 101", ("a=rtpmap:97 opus/48000/2", EVENTS), kind=97),
    "digits by another type": Change("0 96", ("a=rtpmap:96 telephone-event/8000",)),
    "no digits": Change("0", ()),
    "30 ms": Change(attributes=(EVENTS, "a=ptime:30"), packet_ms=30),
    "40 ms": Change(attributes=(EVENTS, "a=ptime:40"), packet_ms=40),
    "port": Change(moves=LOOPBACK),
    "address": Change(moves=ELSEWHERE),
}


def origin(answer: Received) -> list[str]:
    """Id and version of the session."""
    line = next(line for line in answer.body.splitlines() if line.startswith("o="))
    return line.split(" ")[1:3]


def session(answer: Received) -> list[str]:
    """All of an SDP but its origin."""
    return [line for line in answer.body.splitlines() if not line.startswith("o=")]


def assert_version(before: Received, after: Received) -> None:
    """The version goes up by one when something changed, and only then (RFC 3264 section 8)."""
    steps = int(origin(after)[1]) - int(origin(before)[1])
    assert origin(after)[0] == origin(before)[0]
    assert steps == int(session(before) != session(after)), (before.body, after.body)


def longest_silence(told: Told, since: int) -> int:
    """Ticks in a row, ms, in which the agent's utterance did not go on."""
    moved = [index for index, frame in enumerate(told.frames[since:]) if frame.utterance == 1]
    return max((b - a for a, b in itertools.pairwise(moved)), default=1_000) * 20


async def begin(ours: Exchange, ann: Party) -> tuple[Received, Told]:
    answer = await ann.call()
    told = await ours.call()
    await told.event("answered")
    told.leg.play(1, 0, VOICE, final=True)
    await told.until(lambda one: any(frame.utterance for frame in one.frames), "the agent's voice")
    return answer, told


async def more_frames(told: Told, count: int) -> None:
    wanted = len(told.frames) + count
    await told.until(lambda one: len(one.frames) >= wanted, "frames")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("change_by", [Party.reinvite, Party.update], ids=["re-INVITE", "UPDATE"])
async def test_a_change_while_the_agent_speaks(
    ours: Exchange, ann: Party, change: Change, change_by: Callable[[Party, str], Coroutine[Any, Any, Received]]
) -> None:
    before, told = await begin(ours, ann)
    async with listening(ann) as ear, second_port(change.moves or LOOPBACK) as (port, elsewhere):
        await more_frames(told, 5)
        since = len(told.frames)
        offer = ann.sdp(
            payloads=change.payloads,
            attributes=change.attributes,
            connection=change.moves or LOOPBACK,
            port=port if change.moves else None,
        )
        after = await change_by(ann, offer)
        answered = time.monotonic()
        await more_frames(told, 20)
    packets = sorted([*ear.packets, *elsewhere.packets])
    assert packets[-1][1][1] & 0x7F == change.kind
    assert Ear(packets).longest_gap_ms() <= GAP_MS + change.packet_ms - 20
    assert longest_silence(told, since) <= GAP_MS
    print(f"gap on the wire {Ear(packets).longest_gap_ms():.0f} ms, of the agent {longest_silence(told, since)} ms")
    if change.moves:
        assert elsewhere.packets
        assert ear.packets[-1][0] - answered < 0.04, "the old port is silent"
    assert_version(before, after)
    assert not told.all("hold")
    await ann.bye()


async def test_a_reinvite_without_an_offer_while_the_agent_speaks(ours: Exchange, ann: Party) -> None:
    before, told = await begin(ours, ann)
    async with listening(ann) as ear:
        await more_frames(told, 5)
        since = len(told.frames)
        ann.request("INVITE")
        offer = await ann.response(200, "INVITE")
        ann.request("ACK", body=ann.sdp())
        await more_frames(told, 20)
    assert origin(offer)[0] == origin(before)[0]
    assert int(origin(offer)[1]) - int(origin(before)[1]) in (0, 1)
    assert ear.longest_gap_ms() <= GAP_MS
    assert longest_silence(told, since) <= GAP_MS
    await ann.bye()


async def test_the_caller_is_heard_through_a_change(ours: Exchange, ann: Party) -> None:
    answer = await ann.call()
    told = await ours.call()
    async with speaking(ann, media(answer)):
        await told.until(lambda one: sum(any(frame.caller) for frame in one.frames) > 10, "the caller")
        since = len(told.frames)
        assert media(await ann.reinvite(ann.sdp(direction=""))) == media(answer)
        await more_frames(told, 20)
    loud = [index for index, frame in enumerate(told.frames[since - 1 :]) if any(frame.caller)]
    assert max(b - a for a, b in itertools.pairwise(loud)) * 20 <= GAP_MS
    await ann.bye()
