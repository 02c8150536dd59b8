"""A carrier's gateway that a test tells what to answer: it knows OPTIONS, and hands calls to the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.sip.headers import SipMessage, parse_message
from tests.peers.ports import LOOPBACK

PATIENCE = 10.0


@dataclass(slots=True)
class GatewayDouble(asyncio.DatagramProtocol):
    """`status` answers OPTIONS, None is no answer; any other request but ACK is answered with `call_status`."""

    status: str | None = "200 OK"
    call_status: str = "486 Busy Here"
    requests: list[SipMessage] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    transport: asyncio.DatagramTransport | None = None

    @property
    def name(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse_message(data.decode())
        self.requests.append(message)
        self.changed.set()
        method = message.start_line.partition(" ")[0]
        status = self.status if method == "OPTIONS" else self.call_status
        if status is None or method == "ACK":
            return
        copied = [
            f"{name}: {value}" for name in ("Via", "From", "Call-ID", "CSeq") for value in message.all(name.lower())
        ]
        lines = [f"SIP/2.0 {status}", *copied, f"To: {message.first('to')};tag=gw", "Content-Length: 0", "", ""]
        assert self.transport is not None
        self.transport.sendto("\r\n".join(lines).encode(), addr)

    def of(self, method: str) -> list[SipMessage]:
        """The requests of a method that came."""
        return [one for one in self.requests if one.start_line.startswith(f"{method} ")]

    async def request(self, method: str) -> SipMessage:
        """The first request of a method. :raises TimeoutError: when none comes."""
        async with asyncio.timeout(PATIENCE):
            while not self.of(method):
                self.changed.clear()
                await self.changed.wait()
        return self.of(method)[0]


@asynccontextmanager
async def gateway_double() -> AsyncIterator[GatewayDouble]:
    """A gateway on a free port."""
    made = GatewayDouble()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=(LOOPBACK, 0))
    made.transport, made.port = transport, transport.get_extra_info("sockname")[1]
    try:
        yield made
    finally:
        transport.close()
