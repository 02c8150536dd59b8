"""A STUN server's answer (RFC 5389 sections 6, 15.1 and 15.2): the address that it sees. Parsing is pure."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import struct
from collections.abc import Iterator

from gateway.doctor.finding import Finding, failed, ok

_COOKIE = 0x2112A442
_REQUEST, _RESPONSE = 0x0001, 0x0101
_MAPPED, _XOR_MAPPED = 0x0001, 0x0020
_PORT = 3478
_SECONDS, _AGAIN_SECONDS = 3.0, 0.7


def request(transaction: bytes) -> bytes:
    """A Binding request.

    :param transaction: 12 bytes
    """
    return struct.pack(">HHI", _REQUEST, 0, _COOKIE) + transaction


def mapped_address(packet: bytes, transaction: bytes) -> str | None:
    """The IPv4 address of a Binding response; None for anything else."""
    if len(packet) < 20 or packet[8:20] != transaction:
        return None
    kind, length, _ = struct.unpack_from(">HHI", packet)
    if kind != _RESPONSE:
        return None
    found = dict(_attributes(packet[20 : 20 + length]))
    value = found.get(_XOR_MAPPED, found.get(_MAPPED, b""))
    if len(value) < 8 or value[1] != 1:
        return None
    address = int.from_bytes(value[4:8], "big")
    return str(ipaddress.IPv4Address(address ^ _COOKIE if _XOR_MAPPED in found else address))


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from(">HH", data, at)
        yield kind, data[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


async def ask(server: str) -> str | None:
    """The address that a server (host or host:port) sees; None when it does not answer."""
    host, _, port = server.partition(":")
    transaction, answer = secrets.token_bytes(12), asyncio.get_running_loop().create_future()

    class _Socket(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            if (seen := mapped_address(data, transaction)) and not answer.done():
                answer.set_result(seen)

    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(_Socket, remote_addr=(host, int(port or _PORT)))
    except OSError:
        return None
    try:
        async with asyncio.timeout(_SECONDS):
            while not answer.done():
                transport.sendto(request(transaction))
                await asyncio.wait((answer,), timeout=_AGAIN_SECONDS)
        return str(answer.result())
    except TimeoutError:
        return None
    finally:
        transport.close()


def judge_stun(server: str, seen: str | None) -> Finding:
    """What a server of `sip.stun` said."""
    if seen is None:
        return failed(
            "STUN", server, "It does not answer.",
            "Name another server in sip.stun, or pass UDP to it; without an answer the far end is told our own"
            " address.",
        )  # fmt: skip
    return ok("STUN", server, f"It sees us as {seen}.")
