"""A registrar that a test tells what to answer; it checks digest (RFC 7616, with qop or without) as a real one does."""

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

    `None` is no answer at all. `algorithms` are those of its challenges, in their order; `rotates` asks for another
    nonce at each request that is not fresh. While it is `away` it answers nothing.
    """

    host: str = LOOPBACK
    password: str = "secret"
    expires: int = 300
    realm: str = "pbx"
    """As it stands between the quotes, and takes part in the digest (RFC 7616 section 3.4.2)."""
    qop: str = 'qop="auth"'
    opaque: str = ""
    algorithms: tuple[str, ...] = ("MD5",)
    rotates: bool = False
    away: bool = False
    nonce: int = 17
    used: list[str] = field(default_factory=list)
    """Algorithms of the credentials that were given."""
    times: list[float] = field(default_factory=list)
    """When each request came, by the loop's clock."""
    probes: list[float] = field(default_factory=list)
    """When each OPTIONS came."""
    pings: int = 0
    """Datagrams that are there for a NAT only."""
    answers: list[str | None] = field(default_factory=list)
    requests: list[SipMessage] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)
    """The Contact headers that were accepted."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not data.strip():
            self.pings += 1
            return
        message = parse_message(_seen_from(data.decode(), addr))
        now = asyncio.get_running_loop().time()
        if message.start_line.startswith("OPTIONS "):
            self.probes.append(now)
            self._send(message, None if self.away else "200 OK", addr)
        elif message.start_line.startswith("REGISTER "):
            self._send(message, self._register(message, now), addr)

    def _register(self, message: SipMessage, now: float) -> str | None:
        self.requests.append(message)
        self.times.append(now)
        self.changed.set()
        return None if self.away else self._decide(message)

    def answer(self, message: SipMessage) -> bytes | None:
        """The response to a REGISTER or OPTIONS that came by a stream; None for others, and where there is none."""
        if message.start_line.startswith("OPTIONS "):
            self.probes.append(asyncio.get_running_loop().time())
            return None if self.away else self._response(message, "200 OK").encode()
        if not message.start_line.startswith("REGISTER "):
            return None
        status = self._register(message, asyncio.get_running_loop().time())
        return None if status is None else self._response(message, status).encode()

    def _send(self, message: SipMessage, status: str | None, addr: tuple[str, int]) -> None:
        if status is not None:
            assert self.transport is not None
            self.transport.sendto(self._response(message, status).encode(), addr)

    def _decide(self, message: SipMessage) -> str | None:
        credentials = _parameters(message.first("authorization"))
        if not credentials or (self.rotates and credentials["nonce"] != str(self.nonce)):
            return "401 Unauthorized"
        self.used.append(credentials.get("algorithm", "MD5"))
        if credentials["response"] != self._digest(credentials):
            return "403 Forbidden"
        if self.rotates:
            self.nonce += 1
        status = self.answers.pop(0) if self.answers else "200 OK"
        if status == "200 OK":
            self.registered.append(message.first("contact"))
        return status

    def _digest(self, given: dict[str, str]) -> str:
        name = given.get("algorithm", "MD5").lower()
        algorithm = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}[name]

        def digest(*parts: str) -> str:
            return hashlib.new(algorithm, ":".join(parts).encode()).hexdigest()

        secret, request = digest(given["username"], self.realm, self.password), digest("REGISTER", given["uri"])
        if "qop" not in given:
            return digest(secret, given["nonce"], request)
        return digest(secret, given["nonce"], given["nc"], given["cnonce"], given["qop"], request)

    def _response(self, request: SipMessage, status: str) -> str:
        words = status.split(";")
        lines = [f"SIP/2.0 {words[0]}", *(words[1:])]
        lines += [
            f"{name}: {value}" for name in ("Via", "From", "Call-ID", "CSeq") for value in request.all(name.lower())
        ]
        lines.append(f"To: {request.first('to')};tag=registrar")
        if status.startswith("401"):
            lines += [
                self._challenge(algorithm, stale=bool(request.first("authorization"))) for algorithm in self.algorithms
            ]
        if status == "200 OK" and request.first("contact") and "REGISTER" in request.start_line:
            lines.append(f"Contact: {request.first('contact')};expires={self._granted(request)}")
        return "\r\n".join([*lines, "Content-Length: 0", "", ""])

    def _challenge(self, algorithm: str, *, stale: bool) -> str:
        parts = [f'realm="{self.realm}"', f'nonce="{self.nonce}"', self.qop, self.opaque, f"algorithm={algorithm}"]
        return "WWW-Authenticate: Digest " + ", ".join([part for part in parts if part] + ["stale=true"] * stale)

    def _granted(self, request: SipMessage) -> int:
        return min(self.expires, int(request.first("expires") or 300))

    async def until(self, count: int) -> None:
        """Wait for `count` requests in all. :raises TimeoutError: when they do not come."""
        async with asyncio.timeout(PATIENCE):
            while len(self.requests) < count:
                self.changed.clear()
                await self.changed.wait()


def _seen_from(request: str, source: tuple[str, int]) -> str:
    """The request with the address that it came from in its Via (RFC 3581 section 4)."""
    return re.sub(r"(?im)^(Via:.*?);rport(?=[;\r])", rf"\1;received={source[0]};rport={source[1]}", request, count=1)


def _parameters(credentials: str) -> dict[str, str]:
    pairs = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))', credentials)
    return {name: quoted or bare for name, quoted, bare in pairs}


@asynccontextmanager
async def registrar(**options: int | str | tuple[str, ...] | list[str]) -> AsyncIterator[Registrar]:
    """A registrar on a free port."""
    made = Registrar()
    for name, value in options.items():
        setattr(made, name, value)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=(made.host, 0))
    made.transport, made.port = transport, transport.get_extra_info("sockname")[1]
    try:
        yield made
    finally:
        transport.close()
