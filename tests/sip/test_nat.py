"""A gateway behind a NAT: what it registers, tells in SDP, and does when the NAT forgets it (RFC 3581, RFC 5389)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.sip.headers import parse_address, parse_uri
from gateway.trunk import mapping
from tests.peers.nat import Nat, nat
from tests.peers.ports import LOOPBACK
from tests.sip.exchange import Exchange, exchange
from tests.sip.party import party
from tests.sip.registrar import Registrar, registrar
from tests.sip.test_registering import state, trunk

REBIND = pytest.mark.scenario("REG-10", peer="scripted registrar behind a scripted NAT", transport="udp")
PUBLIC = "203.0.113.9"
COOKIE = bytes.fromhex("2112a442")


async def reached(what: Callable[[], bool], seconds: float) -> None:
    """:raises TimeoutError: when it is not reached in time"""
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.01)


def contact(pbx: Registrar) -> str:
    """host:port of the contact that was registered last."""
    uri = parse_uri(parse_address(pbx.registered[-1]).uri) if pbx.registered else None
    return f"{uri.host}:{uri.port}" if uri else ""


@asynccontextmanager
async def behind_nat(pbx: Registrar, **changes: object) -> AsyncIterator[tuple[Exchange, Nat]]:
    """Registered through a NAT."""
    async with nat((LOOPBACK, pbx.port)) as between:
        chosen = {**trunk(pbx), "registrar": between.registrar, **changes}
        async with exchange(trunks=[chosen]) as ours:
            await state(ours, lambda one: one.registered)
            yield ours, between


async def called_through(ours: Exchange, pbx: Registrar) -> str | None:
    """The trunk that a call to what is registered comes by."""
    async with party(contact(pbx)) as ann:
        ann.remote = parse_address(pbx.registered[-1]).uri
        before = len(ours.calls)
        await ann.call()
        name = (await ours.call(before)).leg.info.trunk
        await ann.bye()
    return name


@REBIND
async def test_the_address_that_the_registrar_sees_is_registered_and_leads_to_us() -> None:
    async with registrar() as pbx, behind_nat(pbx) as (ours, between):
        assert contact(pbx) == between.mapped
        assert contact(pbx) != ours.address
        assert await called_through(ours, pbx) == "pbx"


async def rebound(pbx: Registrar, ours: Exchange, between: Nat, *, within: float) -> float:
    """Seconds from a new mapping to a call that comes by it."""
    await reached(lambda: bool(pbx.probes), 20)
    await between.rebind()
    begun = time.monotonic()
    await reached(lambda: contact(pbx) == between.mapped, within)
    assert await called_through(ours, pbx) == "pbx"
    return time.monotonic() - begun


@REBIND
async def test_a_new_mapping_is_noticed_between_two_registrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "ASK_SECONDS", 0.3)
    async with registrar(expires=3600) as pbx, behind_nat(pbx) as (ours, between):
        await rebound(pbx, ours, between, within=30)


@REBIND
@pytest.mark.long
@pytest.mark.timeout(90)
async def test_a_call_comes_within_35_s_of_a_new_mapping() -> None:
    async with registrar(expires=3600) as pbx, behind_nat(pbx) as (ours, between):
        seconds = await rebound(pbx, ours, between, within=35)
    print(f"\na call came {seconds:.1f} s after the mapping had changed")
    assert seconds <= 35


@REBIND
async def test_packets_keep_the_mapping_open_as_often_as_the_trunk_says() -> None:
    async with registrar() as kept, registrar() as left:
        trunks = [trunk(kept, "kept", keep_alive_seconds=1), trunk(left, "left", keep_alive_seconds=0)]
        async with exchange(trunks=trunks) as ours:
            for name in ("kept", "left"):
                await state(ours, lambda one: one.registered, name)
            await reached(lambda: kept.pings >= 2 and bool(kept.probes), 30)
            assert not left.pings
            assert not left.probes


# -------------------------------------------------------------------- addresses that are told


class Stun(asyncio.DatagramProtocol):
    """Answers binding requests (RFC 5389) with a public address and the port that they came from."""

    transport: asyncio.DatagramTransport
    asked = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data[:2] != b"\x00\x01":
            return
        self.asked += 1
        address = addr[1].to_bytes(2, "big") + bytes(int(part) for part in PUBLIC.split("."))
        # MAPPED-ADDRESS for who sends no cookie (section 12.2)
        kind, masks = b"\x00\x01", bytes(6)
        if data[4:8] == COOKIE:
            kind, masks = b"\x00\x20", COOKIE[:2] + COOKIE
        mapped = kind + b"\x00\x08\x00\x01" + bytes(one ^ mask for one, mask in zip(address, masks, strict=True))
        self.transport.sendto(b"\x01\x01" + len(mapped).to_bytes(2, "big") + data[4:20] + mapped, addr)


def told(body: str) -> str:
    """The address in a session description."""
    return next(line for line in body.splitlines() if line.startswith("c=")).split()[-1]


async def offered(ours: Exchange, name: str | None = None) -> tuple[str, str]:
    """Addresses in Contact and SDP of a call of ours."""
    async with party(f"{LOOPBACK}:{ours.settings.sip.port}") as bob:
        leg = await ours.endpoint.dial(f"sip:bob@{LOOPBACK}:{bob.port}", trunk=name)
        invite = await bob.incoming("INVITE")
        bob.respond(invite, "486 Busy Here")
        await bob.incoming("ACK")
        del leg
        uri = parse_uri(parse_address(invite.message.first("contact")).uri)
        assert uri is not None
        return uri.host, told(invite.body)


@pytest.mark.scenario("NET-05", peer="scripted STUN server", transport="udp")
async def test_stun_tells_the_address_in_contact_and_sdp() -> None:
    loop = asyncio.get_running_loop()
    transport, stun = await loop.create_datagram_endpoint(Stun, local_addr=(LOOPBACK, 0))
    stun.transport = transport
    server = f"{LOOPBACK}:{transport.get_extra_info('sockname')[1]}"
    async with exchange(sip={"stun": [server], "host": "0.0.0.0"}) as ours:
        assert await offered(ours) == (PUBLIC, PUBLIC)
        assert stun.asked >= 3  # SIP, RTP and RTCP
    transport.close()


@pytest.mark.scenario("NET-05", peer="scripted party", transport="udp")
async def test_a_stun_server_that_is_away_keeps_nobody_from_calling() -> None:
    async with exchange(sip={"stun": [f"{LOOPBACK}:9"]}) as ours:
        assert await offered(ours) == (LOOPBACK, LOOPBACK)


@pytest.mark.scenario("NET-05", peer="scripted registrar", transport="udp")
async def test_each_trunk_is_told_the_address_that_it_reaches_us_at() -> None:
    async with registrar() as pbx:
        trunks = [trunk(pbx, "far", public_address=PUBLIC), trunk(pbx, "near")]
        async with exchange(trunks=trunks) as ours:
            for name in ("far", "near"):
                await state(ours, lambda one: one.registered, name)
            assert {parse_address(one).uri.split("@")[1].split(":")[0] for one in pbx.registered} == {PUBLIC, LOOPBACK}
            assert await offered(ours, "far") == (PUBLIC, PUBLIC)
            assert await offered(ours, "near") == (LOOPBACK, LOOPBACK)


@pytest.mark.scenario("NET-05", peer="scripted party", transport="udp")
async def test_who_listens_everywhere_tells_each_peer_the_address_that_faces_it() -> None:
    async with exchange(sip={"host": "0.0.0.0"}) as ours:
        assert await offered(ours) == (LOOPBACK, LOOPBACK)
        async with party(f"{LOOPBACK}:{ours.settings.sip.port}") as ann:
            answer = await ann.call()
            assert told(answer.body) == LOOPBACK
            assert f"@{LOOPBACK}:" in answer.message.first("contact")
            await ann.bye()
