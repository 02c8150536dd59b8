"""Connections that lead nowhere any longer: found out, and replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gateway.sip.headers import SipMessage, parse_address
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.tcp_relay import tcp_relay
from tests.sip.exchange import exchange
from tests.sip.registrar import Registrar
from tests.sip.stream_peer import StreamRegistrar, stream_registrar
from tests.sip.test_registering import state

DISCOVERED_SECONDS = 40


def trunk(port: int, keep_alive_seconds: int) -> dict[str, object]:
    return {
        "name": "pbx",
        "registrar": f"sip:{LOOPBACK}:{port}",
        "transport": "tcp",
        "username": "100",
        "password": "secret",
        "keep_alive_seconds": keep_alive_seconds,
    }


def request(pbx: StreamRegistrar, method: str, number: int, tag: str = "") -> bytes:
    """Of a call to what registered last. The INVITE asks for an offer, the ACK answers it."""
    body = ""
    if method == "ACK":
        media = f"m=audio {free_port()} RTP/AVP 0"
        body = "\r\n".join(["v=0", f"o=- 1 1 IN IP4 {LOOPBACK}", "s=-", f"c=IN IP4 {LOOPBACK}", "t=0 0", media, ""])
    lines = [
        f"{method} {parse_address(pbx.answers.registered[-1]).uri} SIP/2.0",
        f"Via: SIP/2.0/TCP {LOOPBACK}:{pbx.port};branch=z9hG4bK{method}{number}",
        "Max-Forwards: 70", f"From: <sip:ann@{LOOPBACK}>;tag=1", f"To: <sip:100@{LOOPBACK}>{tag}",
        "Call-ID: by-the-new-connection", f"CSeq: {number} {method}",
        f"Contact: <sip:ann@{LOOPBACK}:{pbx.port};transport=tcp>",
        *(["Content-Type: application/sdp"] if body else []), f"Content-Length: {len(body)}", "", body,
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


async def call(pbx: StreamRegistrar) -> None:
    """A call by the connection that came last, answered and ended. :raises TimeoutError: when it is not answered"""
    writer = pbx.writers[-1]
    writer.write(request(pbx, "INVITE", 1))
    async with asyncio.timeout(8):
        while not (answer := await pbx.others.get()).start_line.startswith("SIP/2.0 200"):
            pass
        tag = ";tag=" + answer.first("to").rpartition("tag=")[2]
        writer.write(request(pbx, "ACK", 1, tag) + request(pbx, "BYE", 2, tag))
        while (await pbx.others.get()).first("cseq") != "2 BYE":
            pass


async def until(reached: Callable[[], bool], seconds: float) -> float:
    """Seconds that it took. :raises TimeoutError: when it is not reached"""
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110  a peer of the test, which tells nobody
            await asyncio.sleep(0.02)
    return loop.time() - start


@pytest.mark.scenario("REG-09", peer="relay + scripted registrar", transport="tcp")
@pytest.mark.parametrize("keep_alive_seconds", [2, pytest.param(15, marks=pytest.mark.long)])
async def test_a_connection_that_leads_nowhere_is_closed_and_calls_arrive_by_another(keep_alive_seconds: int) -> None:
    async with (
        stream_registrar() as pbx,
        tcp_relay(pbx.port) as relay,
        exchange(trunks=[trunk(relay.port, keep_alive_seconds)]) as ours,
    ):
        await state(ours, lambda one: one.registered)
        await until(lambda: bool(pbx.answers.probes), DISCOVERED_SECONDS)
        relay.forget()
        registered = len(pbx.answers.registered)
        took = await until(lambda: len(pbx.answers.registered) > registered, DISCOVERED_SECONDS)
        print(f"keep_alive_seconds {keep_alive_seconds}: registered again after {took:.1f} s")
        await until(lambda: relay.closed >= 1, 5)
        await call(pbx)
        assert (await ours.call()).leg.info.trunk == "pbx"


async def test_a_far_end_that_answers_no_options_keeps_its_connection() -> None:
    class NoOptions(Registrar):
        def answer(self, message: SipMessage) -> bytes | None:
            return None if message.start_line.startswith("OPTIONS ") else Registrar.answer(self, message)

    async with (
        stream_registrar() as pbx,
        tcp_relay(pbx.port) as relay,
        exchange(trunks=[trunk(relay.port, 1)]) as ours,
    ):
        pbx.answers = NoOptions()
        await state(ours, lambda one: one.registered)
        await asyncio.sleep(2)
        assert (relay.connections, pbx.others.empty()) == (1, False)
