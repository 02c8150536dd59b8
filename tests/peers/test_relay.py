from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from tests.peers.impairment import Impairments
from tests.peers.ports import LOOPBACK
from tests.peers.relay import TO_CALLER, TO_GATEWAY, RelayPlan, _media_of, _redirected, running_relay
from tests.peers.wire import rtp_bytes

OFFER = (
    b"INVITE sip:a@b SIP/2.0\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\n"
    b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:4001 IN IP4 127.0.0.1\r\n"
)


def _socket() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((LOOPBACK, 0))
    one.setblocking(False)
    return one


async def _through(plan: RelayPlan, packets: int, *, gap_seconds: float = 0.002) -> tuple[list[int], float]:
    """Sequence numbers in the order in which they came out, and how late the relay was, p99.9 in ms."""
    came: list[int] = []
    with _socket() as caller, _socket() as gateway:
        async with running_relay(RelayPlan(plan.gateway, plan.seed, plan.to_gateway)) as relay:
            # it learns where the gateway is from the gateway's first packet
            gateway.sendto(rtp_bytes(0), (LOOPBACK, relay.plan.gateway_side))
            await asyncio.sleep(0.05)
            for index in range(packets):
                caller.sendto(rtp_bytes(index), (LOOPBACK, relay.plan.caller_side))
                await asyncio.sleep(gap_seconds)
                _take(gateway, came)
            await asyncio.sleep(0.3)
            _take(gateway, came)
            truth = (await relay.truth())[TO_GATEWAY]
    assert (truth.arrived, len(came)) == (packets, packets + truth.duplicated - truth.lost)
    return came, truth.late_p999_ms


def _take(gateway: socket.socket, came: list[int]) -> None:
    """What came; a socket keeps some hundred packets only."""
    with contextlib.suppress(BlockingIOError):
        while True:
            came.append(int.from_bytes(gateway.recv(2048)[2:4], "big"))


async def test_the_same_packets_are_lost_and_doubled_each_time() -> None:
    plan = RelayPlan(("127.0.0.1", 9), 3, Impairments(loss=0.1, duplicates=0.1))
    first, _ = await _through(plan, 100)
    again, _ = await _through(plan, 100)
    assert first == again
    assert 80 < len(set(first)) < 98
    assert len(first) > len(set(first))


@pytest.mark.long
async def test_the_relay_is_as_punctual_as_the_figures_that_are_measured_through_it() -> None:
    plan = RelayPlan(("127.0.0.1", 9), 3, Impairments(delay_ms=40, jitter_ms=20))
    _, late_ms = await _through(plan, 1500, gap_seconds=0.02)
    print(f"\nrelay: late by p99.9 {late_ms:.2f} ms")
    assert late_ms < 2


async def test_each_direction_has_a_network_of_its_own_that_can_change() -> None:
    plan = RelayPlan(("127.0.0.1", 9), caller_media=None, to_gateway=Impairments(loss=1))
    with _socket() as gateway:
        async with running_relay(plan) as relay:
            await relay.impair(to_caller=Impairments(loss=1))
            for index in range(10):
                gateway.sendto(rtp_bytes(index), (LOOPBACK, plan.gateway_side))
            await asyncio.sleep(0.1)
            truth = await relay.truth()
    assert (truth[TO_CALLER].arrived, truth[TO_CALLER].lost, truth[TO_CALLER].loss) == (10, 10, 1.0)
    assert truth[TO_GATEWAY].arrived == 0


def test_a_session_description_names_the_relay_and_keeps_its_length_right() -> None:
    redirected = _redirected(OFFER, 30_000)
    assert _media_of(OFFER) == ("127.0.0.1", 4000)
    assert _media_of(redirected) == ("127.0.0.1", 30_000)
    assert b"a=rtcp:30001 IN IP4" in redirected
    head, _, body = redirected.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head


def test_a_message_without_audio_stays_as_it_is() -> None:
    assert _redirected(b"BYE sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n", 30_000).endswith(
        b"Content-Length: 0\r\n\r\n"
    )
