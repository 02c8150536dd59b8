"""RTCP: what the far end reports, what we report, and calls that have none (RFC 3550 section 6, RFC 5761)."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.peers.impairment import Impairments
from tests.peers.ports import LOOPBACK, free_ports
from tests.peers.relay import TO_CALLER, TO_GATEWAY, RelayPlan, running_relay
from tests.peers.softphone import SoftphonePlan, running_softphone
from tests.sip.exchange import Told, exchange
from tests.sip.party import Party, party

LOSS, ONE_WAY_MS = 0.05, 20.0
AT_THE_EDGES = 3
"""Packets lost before the first or behind the last that came: the far end cannot know of them."""
_BYE, _SENDER_REPORT = 203, 200
_RTCP_KINDS = range(192, 224)


@pytest.mark.scenario("RTP-05", peer="softphone + relay", transport="udp")
@pytest.mark.timeout(60)
async def test_reported_loss_and_round_trip_are_those_of_the_network(tmp_path: Path) -> None:
    network = Impairments(loss=LOSS, delay_ms=ONE_WAY_MS)
    async with exchange() as ours:
        host, port = ours.address.rsplit(":", 1)
        plan = RelayPlan((host, int(port)), 5, network, network)
        async with running_relay(plan) as relay, running_softphone(SoftphonePlan(tmp_path)) as phone:
            phone.dial(f"sip:demo@{plan.sip_address}")
            await phone.wait_for("answered")
            told = await ours.call()
            reports, remote, earlier, before = 0, None, 0, 0
            for _ in range(150):
                lost = (await relay.truth())[TO_CALLER].lost
                figures = await told.leg.statistics()
                if figures and figures.reports_received > reports:
                    # a report is older than its arrival by the way that it took: this look or the one before
                    reports, upper = figures.reports_received, (await relay.truth())[TO_CALLER].lost
                    remote = (earlier - AT_THE_EDGES, figures.packets_lost_remote, upper)
                earlier, before = before, lost
                if figures and figures.packets_received > 350 and figures.round_trip_ms is not None:
                    break
                await asyncio.sleep(0.1)
            truth = await relay.truth()
            figures = await told.leg.statistics()
            phone.hang_up()
            await phone.wait_for("ended")
    assert figures is not None
    assert figures.round_trip_ms == pytest.approx(2 * ONE_WAY_MS, abs=5)
    assert figures.packets_received > 300, "too short a call to say anything"
    reported = 100 * figures.packets_lost / (figures.packets_received + figures.packets_lost)
    assert reported == pytest.approx(100 * truth[TO_GATEWAY].loss, abs=0.5)
    assert remote is not None
    lower, told_lost, upper = remote
    assert 0 < lower <= told_lost <= upper, "what the far end reports of our packets is what the network lost of them"
    print(f"\nloss {reported:.2f} % of {100 * truth[TO_GATEWAY].loss:.2f} %, round trip {figures.round_trip_ms:.1f} ms")


@pytest.mark.scenario("RTP-05", peer="scripted party", transport="udp")
async def test_we_report_and_say_good_bye() -> None:
    port, _ = free_ports(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp:
        rtcp.bind((LOOPBACK, port + 1))
        rtcp.setblocking(False)
        async with exchange() as ours, party(ours.address) as ann:
            await ann.call(body=ann.sdp().replace(f"m=audio {ann.rtp_port} ", f"m=audio {port} "))
            told = await ours.call()
            await told.until(lambda one: len(one.frames) > 25, "half a second of call")
            await told.leg.hangup()
            ann.respond(await ann.incoming("BYE"), "200 OK")
            await told.event("ended")
            kinds = _kinds_of(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(rtcp, 2048), 3))
            while _BYE not in kinds:
                kinds += _kinds_of(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(rtcp, 2048), 3))
    assert _SENDER_REPORT in kinds


def _kinds_of(compound: bytes) -> list[int]:
    """Packet types of a compound RTCP packet."""
    kinds, offset = [], 0
    while offset + 4 <= len(compound):
        kinds.append(compound[offset + 1])
        offset += 4 * (int.from_bytes(compound[offset + 2 : offset + 4], "big") + 1)
    return kinds


@pytest.mark.scenario("RTP-05", peer="scripted party", transport="udp")
async def test_a_caller_that_offers_rtcp_mux_or_sends_no_rtcp_is_heard() -> None:
    async with exchange() as ours, party(ours.address) as plain, party(ours.address) as muxing:
        calls: list[tuple[Party, tuple[str, int], Told]] = []
        for caller, offered in ((plain, ""), (muxing, "a=rtcp-mux\r\n")):
            answer = await caller.call(body=caller.sdp() + offered)
            assert ("a=rtcp-mux" in answer.body) == bool(offered)
            calls.append((caller, answer.media_address, await ours.call(len(calls))))
        for index in range(50):
            for caller, address, _ in calls:
                caller.speak(index, address=address, payload=bytes([0x20]) * 160)
            if index % 10 == 0:
                muxing.rtp.sendto(_report(lost=7), calls[1][1])
            await asyncio.sleep(0.02)
        kinds = await _reports_beside_media(muxing)
        figures = [await told.leg.statistics() for *_, told in calls]
        heard = [sum(any(frame.caller) for frame in told.frames) for *_, told in calls]
        await plain.bye()
        await muxing.bye()
    assert min(heard) > 40
    assert all(one is not None and one.packets_lost == 0 for one in figures)
    assert [one.packets_lost_remote for one in figures if one] == [0, 7]
    assert _SENDER_REPORT in kinds


def _report(lost: int) -> bytes:
    """A receiver report of a listener that misses so many of the packets of anybody."""
    block = bytes(4) + bytes([10]) + lost.to_bytes(3, "big") + bytes(16)
    return bytes([0x81, 201, 0, 7, 0, 0, 0x12, 0x34]) + block


async def _reports_beside_media(caller: Party) -> list[int]:
    """RTCP that comes to the caller's RTP port, until a sender report did."""
    async with asyncio.timeout(8):
        while True:
            data, _ = await caller.rtp_received.get()
            if data[1] in _RTCP_KINDS:
                kinds = _kinds_of(data)
                if _SENDER_REPORT in kinds:
                    return kinds
