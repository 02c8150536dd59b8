"""A name server that a test tells what to answer, and how late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import dns.asyncresolver
from dnslib import AAAA, NAPTR, QTYPE, RCODE, RR, SRV, A, DNSRecord

from tests.peers.ports import LOOPBACK


@dataclass(slots=True)
class NameServer(asyncio.DatagramProtocol):
    """`records` by (name, type). `failure` is a code for every question, such as REFUSED; `delay` is in seconds."""

    records: dict[tuple[str, str], list[RR]] = field(default_factory=dict)
    failure: str | None = None
    delay: float = 0.0
    questions: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    transport: asyncio.DatagramTransport | None = None

    def address(self, name: str, *addresses: str, ttl: int = 60) -> None:
        self.records[name, "A"] = [RR(name, QTYPE.A, rdata=A(one), ttl=ttl) for one in addresses]

    def address6(self, name: str, *addresses: str, ttl: int = 60) -> None:
        self.records[name, "AAAA"] = [RR(name, QTYPE.AAAA, rdata=AAAA(one), ttl=ttl) for one in addresses]

    def service(self, name: str, *services: tuple[int, int, int, str], ttl: int = 60) -> None:
        """:param services: priority, weight, port, host"""
        self.records[name, "SRV"] = [RR(name, QTYPE.SRV, rdata=SRV(*one), ttl=ttl) for one in services]

    def pointer(self, name: str, *pointers: tuple[int, int, str, str], ttl: int = 60) -> None:
        """:param pointers: order, preference, service, replacement"""
        self.records[name, "NAPTR"] = [
            RR(name, QTYPE.NAPTR, rdata=NAPTR(order, preference, b"s", service.encode(), b"", replacement), ttl=ttl)
            for order, preference, service, replacement in pointers
        ]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = DNSRecord.parse(data)
        name, kind = str(question.q.qname).rstrip("."), QTYPE[question.q.qtype]
        self.questions.append((name, kind))
        answer = question.reply()
        if self.failure is not None:
            answer.header.rcode = getattr(RCODE, self.failure)
        elif not any(known == name for known, _ in self.records):
            answer.header.rcode = RCODE.NXDOMAIN
        for record in self.records.get((name, kind), []):
            answer.add_answer(record)
        asyncio.get_running_loop().call_later(self.delay, self._send, answer.pack(), addr)

    def _send(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.sendto(data, addr)

    def resolver(self) -> dns.asyncresolver.Resolver:
        """One that asks this server."""
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers, made.port = [LOOPBACK], self.port
        return made


@asynccontextmanager
async def name_server() -> AsyncIterator[NameServer]:
    """A name server on a free port."""
    made = NameServer()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=(LOOPBACK, 0))
    made.transport, made.port = transport, transport.get_extra_info("sockname")[1]
    try:
        yield made
    finally:
        transport.close()
