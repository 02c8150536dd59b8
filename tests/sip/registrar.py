"""A registrar that a test tells what to answer; it checks digest (RFC 2617, MD5 with qop) as a real one does."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.sip.headers import SipMessage, parse_message
from tests.peers.ports import LOOPBACK

PATIENCE = 10.0


@dataclass(slots=True)
class Registrar(asyncio.DatagramProtocol):
    """`answers` are final statuses for the next requests with good credentials; 200 when there are none left.

    `None` is no answer at all.
    """

    password: str = "secret"
    expires: int = 300
    answers: list[str | None] = field(default_factory=list)
    requests: list[SipMessage] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)
    """The Contact headers that were accepted."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse_message(data.decode())
        if not message.start_line.startswith("REGISTER "):
            return
        self.requests.append(message)
        status = self._decide(message)
        if status is not None:
            assert self.transport is not None
            self.transport.sendto(self._response(message, status).encode(), addr)
        self.changed.set()

    def _decide(self, message: SipMessage) -> str | None:
        credentials = dict(re.findall(r'(\w+)="?([^",]+)"?', message.first("authorization")))
        if not credentials:
            return "401 Unauthorized"
        if credentials["response"] != self._digest(credentials):
            return "403 Forbidden"
        status = self.answers.pop(0) if self.answers else "200 OK"
        if status == "200 OK":
            self.registered.append(message.first("contact"))
        return status

    def _digest(self, given: dict[str, str]) -> str:
        def md5(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode()).hexdigest()

        secret = md5(given["username"], given["realm"], self.password)
        return md5(secret, given["nonce"], given["nc"], given["cnonce"], given["qop"], md5("REGISTER", given["uri"]))

    def _response(self, request: SipMessage, status: str) -> str:
        words = status.split(";")
        lines = [f"SIP/2.0 {words[0]}", *(words[1:])]
        lines += [
            f"{name}: {value}" for name in ("Via", "From", "Call-ID", "CSeq") for value in request.all(name.lower())
        ]
        lines.append(f"To: {request.first('to')};tag=registrar")
        if status.startswith("401"):
            lines.append('WWW-Authenticate: Digest realm="pbx", nonce="17", qop="auth", algorithm=MD5')
        if status == "200 OK":
            lines.append(f"Contact: {request.first('contact')};expires={self._granted(request)}")
        return "\r\n".join([*lines, "Content-Length: 0", "", ""])

    def _granted(self, request: SipMessage) -> int:
        return min(self.expires, int(request.first("expires") or 300))

    async def until(self, count: int) -> None:
        """Wait for `count` requests in all. :raises TimeoutError: when they do not come."""
        async with asyncio.timeout(PATIENCE):
            while len(self.requests) < count:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def registrar(**options: int | str) -> AsyncIterator[Registrar]:
    """A registrar on a free port."""
    made = Registrar()
    for name, value in options.items():
        setattr(made, name, value)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=(LOOPBACK, 0))
    made.transport, made.port = transport, transport.get_extra_info("sockname")[1]
    try:
        yield made
    finally:
        transport.close()
