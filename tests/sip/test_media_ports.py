"""Ports for media: used again as late as the range allows, and none left."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import pytest

from gateway.call.admission import Admission
from gateway.call.entrance import Entrance
from gateway.call.refusals import Refusals
from gateway.call.strain import Measure, Strain
from gateway.sip.media_ports import offers, pair_is_free
from tests.link.worker_double import until
from tests.peers.ports import LOOPBACK, free_ports
from tests.sip.exchange import exchange
from tests.sip.party import Party, party

ROW = pytest.mark.scenario("LOAD-08", peer="scripted party", transport="udp")


def fresh(ann: Party) -> None:
    """What ann sends next is another call's."""
    ann.call_id, ann.tag, ann.to, ann.remote = uuid4().hex, uuid4().hex[:8], "", ""


@contextmanager
def taken(first: int, count: int) -> Iterator[None]:
    """Ports that another program has."""
    with ExitStack() as stack:
        for port in range(first, first + count):
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind((LOOPBACK, port))
        yield


@ROW
async def test_a_port_rests_while_others_are_free() -> None:
    async with exchange(rtp={"ports": free_ports(20)}) as ours, party(ours.address) as ann:
        used = []
        for _ in range(10):
            used.append((await ann.call()).media_address[1])
            await ann.bye()
            fresh(ann)
        assert len(set(used)) == 10, "each pair of the range once"
        assert (await ann.call()).media_address[1] in used, "none has rested for long, and a caller waits"


@ROW
async def test_ports_that_others_have_are_passed_over() -> None:
    first, last = free_ports(20)
    with taken(first, 16):
        async with exchange(rtp={"ports": (first, last)}) as ours, party(ours.address) as ann:
            for _ in range(4):
                assert (await ann.call()).media_address[1] in (first + 16, first + 18)
                await ann.bye()
                fresh(ann)


@ROW
async def test_without_a_port_callers_are_told_when_to_come_back_and_the_next_ones_cost_nothing() -> None:
    first, last = free_ports(20)
    async with exchange(rtp={"ports": (first, last)}) as ours, party(ours.address) as ann:
        refusals = Refusals()
        admission = Admission(4, strain=Strain({Measure.RTP_PORTS: 1.0}))
        entrance = Entrance(admission, refusals, others=lambda: 0, workers=lambda: (), routes=[])
        ours.endpoint.admit_by(entrance.admit, entrance.refused)
        with taken(first, 20):
            for _ in range(3):
                ann.request("INVITE", body=ann.sdp())
                refusal = await ann.response(503, "INVITE")
                assert 5 <= int(refusal.message.first("retry-after")) <= 30
                assert refusal.message.first("warning") == '399 parley "rtp-ports"'
                ann.request("ACK", same_transaction=True)
                fresh(ann)
                await until(lambda: refusals.counts)
            await until(lambda: refusals.counts == {"rtp-ports": 3})
            assert not ours.calls
        admission.strain.measured({Measure.RTP_PORTS: 0.0}, 1e9)
        admission.strain.measured({Measure.RTP_PORTS: 0.0}, 2e9)
        await ann.call()
        await ann.bye()


@ROW
async def test_without_a_port_a_caller_who_offers_nothing_is_refused_at_the_door() -> None:
    first, last = free_ports(20)
    async with exchange(rtp={"ports": (first, last)}) as ours, party(ours.address) as ann:
        with taken(first, 20):
            ann.request("INVITE")
            refusal = await ann.response(503, "INVITE")
            assert 5 <= int(refusal.message.first("retry-after")) <= 30
            assert refusal.message.first("warning") == '399 parley "rtp-ports"'
            ann.request("ACK", same_transaction=True)
            assert not ours.calls


def test_a_pair_is_free_when_both_its_ports_are() -> None:
    first, last = free_ports(20)
    assert pair_is_free(LOOPBACK, (first, last))
    with taken(first, 18):
        assert pair_is_free(LOOPBACK, (first, last), lambda: 0.0)
        with taken(first + 19, 1):
            assert not pair_is_free(LOOPBACK, (first, last))


@pytest.mark.parametrize(("message", "offered"), [("INVITE a\r\n\r\n", False), ("INVITE a\r\n\r\nv=0\r\n", True)])
def test_a_body_is_an_offer(message: str, offered: bool) -> None:
    assert offers(message) is offered


@ROW
async def test_who_still_sends_to_a_port_is_not_heard_in_the_call_that_has_it_next() -> None:
    first, last = free_ports(20)
    with taken(first, 18):
        async with (
            exchange(rtp={"ports": (first, last)}) as ours,
            party(ours.address) as ann,
            party(ours.address) as bob,
        ):
            address = (await ann.call()).media_address
            for index in range(20):
                ann.speak(index, address=address, payload=b"\x10" * 160)
                await asyncio.sleep(0.02)
            told = await ours.call()
            await told.until(lambda told: any(frame.caller.count(0) < 300 for frame in told.frames), "ann's voice")
            await ann.bye()
            bobs = (await bob.call()).media_address
            assert bobs == address, "the only pair that is free"
            for index in range(20, 70):
                ann.speak(index, address=address, payload=b"\x10" * 160)
                bob.speak(index, address=address)
                await asyncio.sleep(0.02)
            loud = [frame for frame in (await ours.call(1)).frames if frame.caller.count(0) < 300]
            assert not loud, f"{len(loud)} frames of ann in the call of bob"
