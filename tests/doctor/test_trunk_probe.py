"""What is found at the hosts of a trunk, by far ends that are scripted."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.doctor.finding import Result
from gateway.doctor.names import judge_name
from gateway.doctor.names_probe import look_up
from gateway.doctor.trunk_probe import examine_trunk
from gateway.sip.headers import parse_message
from gateway.sip.lookup import kinds_of
from gateway.trunk.settings import TrunkSettings
from tests.doctor.patients import Found, settings
from tests.peers.certificates import Authority
from tests.peers.ports import LOOPBACK, free_port
from tests.sip.name_server import name_server


def answer(request: bytes, *, received: str = LOOPBACK, sent_by: str = "") -> bytes:
    """200 to an OPTIONS."""
    message = parse_message(request.decode())
    via = message.first("via").replace(";rport", f";received={received};rport=4711")
    if sent_by:
        via = f"SIP/2.0/UDP {sent_by};{via.partition(';')[2]}"
    copied = [f"{name}: {message.first(name.lower())}" for name in ("From", "To", "Call-ID", "CSeq")]
    return "\r\n".join(["SIP/2.0 200 OK", f"Via: {via}", *copied, "Content-Length: 0", "", ""]).encode()


class _Peer(asyncio.DatagramProtocol):
    def __init__(self, answering: Callable[[bytes], bytes]) -> None:
        self._answering = answering

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(self._answering(data), addr)


@asynccontextmanager
async def peer(answering: Callable[[bytes], bytes] = answer) -> AsyncIterator[int]:
    """One that answers by UDP; its port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Peer(answering), local_addr=(LOOPBACK, 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


@asynccontextmanager
async def stream_peer(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """One that answers by TCP, or TLS; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(answer(await reader.readuntil(b"\r\n\r\n")))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def found_at(folder: Path, port: int, *, sip: dict[str, Any] | None = None, **trunk: Any) -> Found:
    """Of a trunk with one gateway at `port`."""
    gateways = [{"host": trunk.pop("host", LOOPBACK), "port": port}]
    chosen = TrunkSettings(name="office", gateways=gateways, **trunk)
    return Found([one async for one in examine_trunk(chosen, settings(folder, sip=sip or {}))])


async def test_a_far_end_that_answers_is_reachable(tmp_path: Path) -> None:
    async with peer() as port:
        found = await found_at(tmp_path, port)
    assert found.failed == []
    assert found.of("reachability").found.startswith("200 OK after ")
    assert found.of("NAT").found == f"None: the far end sees us as {LOOPBACK}."


async def test_nobody_at_the_port(tmp_path: Path) -> None:
    found = await found_at(tmp_path, free_port())
    assert found.failed == ["reachability"]
    assert "connection refused" in found.of("reachability").found


async def test_an_outer_address_that_is_not_told(tmp_path: Path) -> None:
    async with peer(lambda request: answer(request, received="203.0.113.7")) as port:
        found = await found_at(tmp_path, port)
        told = await found_at(tmp_path, port, public_address="203.0.113.7")
    assert found.failed == ["NAT"]
    assert "203.0.113.7" in found.of("NAT").remedy
    assert told.of("NAT").result is Result.OK


async def test_a_router_that_rewrites_our_messages(tmp_path: Path) -> None:
    async with peer(lambda request: answer(request, sent_by="203.0.113.7:5060")) as port:
        found = await found_at(tmp_path, port)
    assert found.of("SIP ALG").result is Result.WARNING


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_name_without_addresses(tmp_path: Path, transport: str) -> None:
    async with name_server() as server:
        server.address("pbx.example", "192.0.2.5")
        server.service(f"_sip._{transport}.office.example", (1, 1, 5070, "pbx.example"))
        services = await look_up("office.example", None, transport, resolver=server.resolver())
        nobody = await look_up("nowhere.example", None, transport, resolver=server.resolver())
    assert [(one.address, one.port) for one in services.targets] == [("192.0.2.5", 5070)]
    assert "nowhere.example" in nobody.problem


async def test_a_name_of_ipv6_is_looked_up_as_the_trunk_does_it() -> None:
    async with name_server() as server:
        server.address6("six.example", "2001:db8::5")
        server.service("_sip._udp.office.example", (3, 1, 5070, "six.example"), (4, 1, 5070, "both.example"))
        server.address6("both.example", "2001:db8::6")
        server.address("both.example", "192.0.2.6")
        found = {
            hosts: [
                judge_name(await look_up(name, None, "udp", kinds_of(hosts), server.resolver()))
                for name in ("six.example", "office.example")
            ]
            for hosts in (("::",), ("0.0.0.0",), ("0.0.0.0", "::"))
        }
    assert [[one.found for one in both] for both in found.values()] == [
        ["[2001:db8::5]:5060.", "[2001:db8::5]:5070 (priority 3), [2001:db8::6]:5070 (priority 4)."],
        ["The name has IPv6 addresses only (2001:db8::5), and sip.host is IPv4.", "192.0.2.6:5070."],
        [
            "[2001:db8::5]:5060.",
            "[2001:db8::5]:5070 (priority 3), 192.0.2.6:5070 (priority 4), [2001:db8::6]:5070 (priority 4).",
        ],
    ]
    assert '"::"' in found["0.0.0.0",][0].remedy


async def test_by_tcp(tmp_path: Path) -> None:
    async with stream_peer(None) as port:
        found = await found_at(tmp_path, port, transport="tcp")
    assert found.of("reachability").result is Result.OK


@pytest.mark.parametrize(
    ("issued", "failed", "words"),
    [
        ({"hosts": [LOOPBACK]}, [], "TLSv1.3, certificate of 127.0.0.1 by Test authority ca"),
        ({"hosts": ["pbx.example"]}, ["TLS"], "The certificate is for pbx.example, not for 127.0.0.1."),
        ({"hosts": [LOOPBACK], "days": (-9, -2)}, ["TLS"], "expired on"),
        ({"hosts": [LOOPBACK], "self_signed": True}, ["TLS"], "Nobody whom we trust"),
    ],
    ids=["good", "name", "expired", "stranger"],
)
async def test_certificates(tmp_path: Path, issued: dict[str, Any], failed: list[str], words: str) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("pbx", **issued)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    async with stream_peer(context) as port:
        found = await found_at(tmp_path, port, transport="tls", tls={"ca_file": str(authority.ca_file)})
    assert found.failed == failed
    assert words in found.of("TLS").found
    if not failed:
        assert found.of("reachability").result is Result.OK


async def test_a_port_that_speaks_no_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SIP/2.0 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, LOOPBACK, 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await found_at(tmp_path, port, transport="tls", tls={"ca_file": str(authority.ca_file)})
    assert found.failed == ["TLS"]
    assert "No handshake" in found.of("TLS").found
