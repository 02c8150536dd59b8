"""A registrar and a caller over TCP or TLS, for tests that decide about every byte and every certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from gateway.sip.headers import SipMessage, parse_message
from tests.peers.certificates import Authority, Certificate
from tests.peers.ports import LOOPBACK
from tests.sip.registrar import Registrar

PATIENCE = 8.0


async def read_message(reader: asyncio.StreamReader) -> tuple[SipMessage, str]:
    """The next message of a stream and its body. :raises asyncio.IncompleteReadError: when the stream ends"""
    head = b""
    while not head.strip():
        head = await reader.readuntil(b"\r\n\r\n")
    message = parse_message(head.lstrip().decode())
    body = await reader.readexactly(int(message.first("content-length") or 0))
    return message, body.decode()


@dataclass(slots=True)
class StreamRegistrar:
    """Answers REGISTER as `tests.sip.registrar` does; `connections` came, `handshakes` of them were TLS to the end."""

    answers: Registrar = field(default_factory=Registrar)
    port: int = 0
    connections: int = 0
    certificates: list[dict[str, object]] = field(default_factory=list)
    """What each client showed of itself; empty for one without a certificate."""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    """One for each connection, the latest last."""
    others: asyncio.Queue[SipMessage] = field(default_factory=asyncio.Queue)
    """What came and was answered by nothing."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        if (encryption := writer.get_extra_info("ssl_object")) is not None:
            self.certificates.append(encryption.getpeercert() or {})
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                message, _ = await read_message(reader)
                if response := self.answers.answer(message):
                    writer.write(response)
                else:
                    self.others.put_nowait(message)
        writer.close()


@asynccontextmanager
async def stream_registrar(
    context: ssl.SSLContext | None = None, *, host: str = LOOPBACK
) -> AsyncIterator[StreamRegistrar]:
    """A registrar on a free port, by TLS with a context."""
    made = StreamRegistrar()
    server = await asyncio.start_server(made.serve, host, 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


def server_context(certificate: Certificate, *, clients_of: Authority | None = None) -> ssl.SSLContext:
    """A server with a certificate; with `clients_of` it asks for theirs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients_of.ca_file)
    return context


def client_context(certificate: Certificate | None = None, *, ca: Authority | None = None) -> ssl.SSLContext:
    """A client, which believes anybody unless there is an authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE if ca is None else ssl.CERT_REQUIRED
    if ca is not None:
        context.load_verify_locations(ca.ca_file)
    if certificate is not None:
        context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    return context


@dataclass(slots=True)
class Connection:
    """A connection to an endpoint: writes any bytes, reads whole messages."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def port(self) -> int:
        """Ours."""
        return int(self.writer.get_extra_info("sockname")[1])

    @property
    def server_name(self) -> str:
        """The common name in the certificate of a server that was verified."""
        subject: Any = self.writer.get_extra_info("peercert")["subject"]
        return str(subject[0][0][1])

    def options(self, call_id: str, *, content_length: str = "0", transport: str = "TCP") -> bytes:
        """A whole OPTIONS request."""
        lines = [
            f"OPTIONS sip:parley@{LOOPBACK} SIP/2.0",
            f"Via: SIP/2.0/{transport} {LOOPBACK}:{self.port};branch=z9hG4bK{call_id}",
            "Max-Forwards: 70", f"From: <sip:ann@{LOOPBACK}>;tag=1", f"To: <sip:parley@{LOOPBACK}>",
            f"Call-ID: {call_id}", "CSeq: 1 OPTIONS", f"Content-Length: {content_length}", "", "",
        ]  # fmt: skip
        return "\r\n".join(lines).encode()

    def long_options(self, call_id: str, size: int, *, transport: str = "TCP") -> bytes:
        """An OPTIONS request of exactly so many bytes, most of them body."""
        body = b"x" * (size - len(self.options(call_id, content_length="00000", transport=transport)))
        return self.options(call_id, content_length=f"{len(body):05}", transport=transport) + body

    async def message(self) -> SipMessage:
        """The next message. :raises TimeoutError: when none comes"""
        async with asyncio.timeout(PATIENCE):
            return (await read_message(self.reader))[0]

    async def closed(self) -> bool:
        """Whether the other side closes the connection, before it says anything."""
        try:
            async with asyncio.timeout(PATIENCE):
                return not (await self.reader.read(10)).strip()
        except (ConnectionError, ssl.SSLError):
            return True
        except TimeoutError:
            return False


@asynccontextmanager
async def connection(host: str, port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Connection]:
    """A connection while the block runs."""
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


async def server_is(host: str, port: int, context: ssl.SSLContext, name: str) -> None:
    """Until new connections see the certificate of that name; while the socket is opened anew they are reset.

    :raises TimeoutError: when they do not
    """
    async with asyncio.timeout(5):
        while True:
            with suppress(ConnectionError):
                async with connection(host, port, context) as caller:
                    if caller.server_name == name:
                        return
