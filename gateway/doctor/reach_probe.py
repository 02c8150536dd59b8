"""Sends an OPTIONS from a socket of its own, beside whatever the gateway does."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from gateway.doctor.reach import Answer, Asked
from gateway.sip.headers import parse_message, parse_uri
from gateway.sip.settings import is_ipv6
from gateway.trunk.targets import Target

_SENT_AT = (0.0, 0.5, 1.5)
"""Seconds at which a datagram goes out; it may get lost."""
_SECONDS = 4.0
_CONNECT_SECONDS = 6.0
_BYTES = 65536


async def ask(
    target: Target, transport: str, *, domain: str, user: str, context: ssl.SSLContext | None, name: str
) -> tuple[Asked, Answer | None, str]:
    """One OPTIONS to an address; the answer, None without, and then the socket's word.

    :param domain: of the Request-URI and From
    :param context: for tls
    :param name: that its certificate must have
    """
    place, uri = _place(target.address, target.port), parse_uri(f"sip:{user}@{domain}")
    # some strip the port of From, which is no part of it by RFC 3261 section 19.1.1
    sender = f"sip:{user}@{uri.host if uri else domain}"
    asked = Asked(place, transport, "", "", f"{uuid4().hex}@parley", sender, target.address)
    try:
        if transport == "udp":
            return await _by_udp(target, asked, domain)
        async with asyncio.timeout(_CONNECT_SECONDS + _SECONDS):
            return await _by_stream(target, asked, domain, context if transport == "tls" else None, name)
    except TimeoutError:
        return asked, None, "it does not answer in time"
    except (OSError, asyncio.IncompleteReadError) as error:
        return asked, None, _word(error)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes | OSError] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        # an ICMP message: nobody listens there
        if isinstance(exc, OSError):
            self.came.put_nowait(exc)


async def _by_udp(target: Target, asked: Asked, domain: str) -> tuple[Asked, Answer | None, str]:
    loop = asyncio.get_running_loop()
    transport, datagrams = await loop.create_datagram_endpoint(_Datagrams, remote_addr=(target.address, target.port))
    try:
        asked = _from(asked, transport.get_extra_info("sockname"))
        request, began = _request(asked, domain), time.monotonic()
        sending = [loop.call_later(delay, transport.sendto, request) for delay in _SENT_AT]
        try:
            async with asyncio.timeout(_SECONDS):
                while True:
                    came = await datagrams.came.get()
                    if isinstance(came, OSError):
                        return asked, None, _word(came)
                    answer = _answer(came, began)
                    if answer is not None and answer.status >= 200:
                        return asked, answer, ""
        except TimeoutError:
            return asked, None, ""
        finally:
            for one in sending:
                one.cancel()
    finally:
        transport.close()


async def _by_stream(
    target: Target, asked: Asked, domain: str, context: ssl.SSLContext | None, name: str
) -> tuple[Asked, Answer | None, str]:
    reader, writer = await asyncio.open_connection(
        target.address, target.port, ssl=context, server_hostname=name if context else None
    )
    try:
        asked, began = _from(asked, writer.get_extra_info("sockname")), time.monotonic()
        writer.write(_request(asked, domain))
        await writer.drain()
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
            body = await reader.readexactly(min(int(length[1]), _BYTES)) if length else b""
            answer = _answer(head + body, began)
            if answer is not None and answer.status >= 200:
                return asked, answer, ""
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 1)


def _from(asked: Asked, socket_name: tuple[str, int]) -> Asked:
    address, port = socket_name[:2]
    return replace(asked, address=address, sent_by=_place(address, port))


def _request(asked: Asked, domain: str) -> bytes:
    scheme = "" if asked.transport == "udp" else f";transport={asked.transport}"
    lines = [
        f"OPTIONS sip:{domain}{scheme} SIP/2.0",
        f"Via: SIP/2.0/{asked.transport.upper()} {asked.sent_by};branch=z9hG4bK{uuid4().hex};rport",
        "Max-Forwards: 70",
        f"From: <{asked.sender}>;tag={uuid4().hex[:10]}",
        f"To: <sip:{domain}>",
        f"Call-ID: {asked.call_id}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:parley@{asked.sent_by}{scheme}>",
        "Accept: application/sdp",
        "User-Agent: Parley doctor",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _answer(data: bytes, began: float) -> Answer | None:
    head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
    message = parse_message(head)
    words = message.start_line.split(" ", 2)
    if len(words) < 2 or words[0] != "SIP/2.0" or not words[1].isdigit():
        return None
    reason = words[2] if len(words) > 2 else ""
    return Answer(int(words[1]), reason, message, body, (time.monotonic() - began) * 1000, datetime.now(UTC))


def _place(address: str, port: int) -> str:
    return f"[{address}]:{port}" if is_ipv6(address) else f"{address}:{port}"


def _word(error: BaseException) -> str:
    if isinstance(error, asyncio.IncompleteReadError):
        return "it closed the connection without an answer"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower().rstrip(".")
