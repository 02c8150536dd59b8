"""A scripted SIP party over UDP: sends exactly the text a test wants, and waits for exactly what must come back.

It keeps one dialog's tags and sequence numbers, answers nothing by itself but retransmissions it is told to, and speaks
PCMU silence or a given frame on its RTP port.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from gateway.sip.headers import SipMessage, parse_message

LOOPBACK = "127.0.0.1"
PATIENCE = 8.0
_PCMU_SILENCE = b"\xff" * 160


@dataclass(frozen=True, slots=True)
class Received:
    """A message and its body."""

    message: SipMessage
    body: str
    source: tuple[str, int]

    @property
    def status(self) -> int:
        """0 for a request."""
        words = self.message.start_line.split(" ")
        return int(words[1]) if words[0] == "SIP/2.0" else 0

    @property
    def method(self) -> str:
        """Of the request, or of the request that this answers."""
        return self.message.first("cseq").split(" ")[-1]

    @property
    def direction(self) -> str:
        """Of the first media section."""
        found = [
            line[2:] for line in self.body.splitlines() if line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive")
        ]
        return found[0] if found else "sendrecv"

    @property
    def media_address(self) -> tuple[str, int]:
        """Where the first media section wants its RTP."""
        return LOOPBACK, int(self.body.split("m=audio ")[1].split(" ")[0])


class _Socket(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.arrived: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.arrived.put_nowait((data, addr))


@dataclass(slots=True)
class Party:
    """One side of one dialog."""

    target: str
    port: int
    rtp_port: int
    _transport: asyncio.DatagramTransport
    _socket: _Socket
    rtp: asyncio.DatagramTransport
    rtp_received: asyncio.Queue[tuple[bytes, tuple[str, int]]]
    user: str = "4711"
    name: str = "ann"
    """Its user part in Contact."""
    host: str = LOOPBACK
    call_id: str = field(default_factory=lambda: uuid4().hex)
    tag: str = field(default_factory=lambda: uuid4().hex[:8])
    to: str = ""
    own: str = ""
    """The From of its requests when it was called."""
    remote: str = ""
    own_contact: str = ""
    """What stands in Contact; empty for its user and address."""
    protocol: str = "UDP"
    """Of Via."""
    patience: float = PATIENCE
    """How long it waits for what must come, s."""
    _sequence: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _last_sequence: int = 0
    _branch: str = ""
    _kept: list[Received] = field(default_factory=list)

    @property
    def contact(self) -> str:
        return self.own_contact or f"<sip:{self.name}@{self.host}:{self.port}>"

    # ---------------------------------------------------------------- sending

    def raw(self, data: bytes) -> None:
        """Any datagram."""
        host, port = self.target.rsplit(":", 1)
        self._transport.sendto(data, (host.strip("[]"), int(port)))

    def request(
        self, method: str, *, body: str = "", headers: tuple[str, ...] = (), same_transaction: bool = False
    ) -> str:
        """Send a request of the dialog; returns its text, which sent again is a retransmission."""
        if not same_transaction and method not in ("ACK", "CANCEL"):
            self._last_sequence = next(self._sequence)
        if not same_transaction and method != "CANCEL":
            self._branch = f"z9hG4bK{uuid4().hex}"
        uri = self.remote or f"sip:{self.user}@{self.target}"
        ann = f'"Ann" <sip:ann@{self.host}:{self.port}>;tag={self.tag}'
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.protocol} {self.host}:{self.port};branch={self._branch};rport",
            "Max-Forwards: 70",
            f"From: {self.own or ann}",
            f"To: {self.to or f'<sip:{self.user}@{self.target}>'}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self._last_sequence} {method}",
            f"Contact: {self.contact}",
            *headers,
        ]
        return self._send(lines, body)

    def acknowledge(self, invite: int) -> None:
        """ACK of the INVITE with this sequence number, when other requests were sent since."""
        last, self._last_sequence = self._last_sequence, invite
        self.request("ACK")
        self._last_sequence = last

    def respond(self, request: Received, status: str, *, headers: tuple[str, ...] = (), body: str = "") -> None:
        """Answer a request that came."""
        copied = [
            f"{name.title()}: {value}"
            for name in ("via", "from", "call-id", "cseq")
            for value in request.message.all(name)
        ]
        to = request.message.first("to")
        if ";tag=" not in to:
            to = f"{to};tag={self.tag}"
        ours = [] if any(one.startswith("Contact:") for one in headers) else [self.contact]
        lines = [f"SIP/2.0 {status}", *copied, f"To: {to}", *(f"Contact: {one}" for one in ours), *headers]
        text = self._text(lines, body)
        self._transport.sendto(text.encode(), request.source)

    def deliver_to(self, request: Received, response: bytes | None) -> None:
        """A whole response to a request that came."""
        assert response is not None
        self._transport.sendto(response, request.source)

    def _send(self, lines: list[str], body: str) -> str:
        text = self._text(lines, body)
        self.raw(text.encode())
        return text

    @staticmethod
    def _text(lines: list[str], body: str) -> str:
        kind = ["Content-Type: application/sdp"] if body.startswith("v=0") else []
        return "\r\n".join([*lines, *kind, f"Content-Length: {len(body)}", "", body])

    def sdp(
        self,
        *,
        payloads: str = "0 101",
        direction: str = "sendrecv",
        connection: str | None = None,
        port: int | None = None,
        attributes: tuple[str, ...] = ("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"),
    ) -> str:
        """An offer or answer of one audio stream. An empty `direction` leaves the attribute out."""
        address = self.host.strip("[]")
        family = "IP6" if ":" in address else "IP4"
        lines = [
            "v=0", f"o=ann 1 {next(self._sequence)} IN {family} {address}", "s=-",
            f"c=IN {family} {connection or address}", "t=0 0",
            f"m=audio {port or self.rtp_port} RTP/AVP {payloads}", *attributes,
        ]  # fmt: skip
        return "\r\n".join([*lines, *([f"a={direction}"] if direction else []), ""])

    def speak(
        self,
        index: int,
        *,
        address: tuple[str, int],
        payload: bytes = _PCMU_SILENCE,
        kind: int = 0,
        marker: bool = False,
    ) -> None:
        """One RTP packet, the `index`th of the stream."""
        head = bytes([0x80, kind | (0x80 if marker else 0)]) + (1000 + index).to_bytes(2, "big")
        self.rtp.sendto(head + (index * 160).to_bytes(4, "big") + b"\x00\x00\x12\x34" + payload, address)

    def deliver(self, data: bytes, source: tuple[str, int]) -> None:
        """A message came by another way than the party's own socket."""
        self._socket.arrived.put_nowait((data, source))

    # ---------------------------------------------------------------- waiting

    async def expect(self, wanted: Callable[[Received], bool], what: str) -> Received:
        """The next message that is wanted; others that come meanwhile are kept. :raises AssertionError: none came."""
        for received in self._kept:
            if wanted(received):
                self._kept.remove(received)
                return received
        try:
            async with asyncio.timeout(self.patience):
                while True:
                    received = self._receive(*await self._socket.arrived.get())
                    if wanted(received):
                        return received
                    self._kept.append(received)
        except TimeoutError:
            seen = [(one.status, one.method) for one in self._kept]
            raise AssertionError(f"{what} did not come; what came: {seen}") from None

    async def response(self, status: int, method: str) -> Received:
        """A response to a request of ours; a final one to INVITE is acknowledged."""
        received = await self.expect(lambda one: (one.status, one.method) == (status, method), f"{status} to {method}")
        if method == "INVITE" and status > 100:
            self.to = received.message.first("to")
        if method == "INVITE" and 200 <= status < 300:
            contact = received.message.first("contact")
            self.remote = contact[contact.index("<") + 1 : contact.index(">")]
        return received

    async def incoming(self, method: str) -> Received:
        """A request of theirs."""
        return await self.expect(lambda one: not one.status and one.method == method, method)

    async def nothing(self, seconds: float) -> list[Received]:
        """What came within `seconds`, for a test that expects nothing."""
        await asyncio.sleep(seconds)
        while not self._socket.arrived.empty():
            self._kept.append(self._receive(*self._socket.arrived.get_nowait()))
        return self._kept

    def _receive(self, data: bytes, source: tuple[str, int]) -> Received:
        head, _, body = data.decode().partition("\r\n\r\n")
        return Received(parse_message(head), body, source)

    def called(self, invite: Received) -> None:
        """They have called us: what we send from here on is of that dialog."""
        self.call_id = invite.message.first("call-id")
        self.to = invite.message.first("from")
        self.own = f"{invite.message.first('to')};tag={self.tag}"
        contact = invite.message.first("contact")
        self.remote = contact[contact.index("<") + 1 : contact.index(">")]

    # ---------------------------------------------------------------- whole passages

    async def call(self, *, body: str | None = None, headers: tuple[str, ...] = ()) -> Received:
        """INVITE to ACK; returns the 200."""
        self.request("INVITE", body=self.sdp() if body is None else body, headers=headers)
        answer = await self.response(200, "INVITE")
        self.request("ACK")
        return answer

    async def reinvite(self, body: str) -> Received:
        """re-INVITE to ACK; returns the 200."""
        self.request("INVITE", body=body)
        answer = await self.response(200, "INVITE")
        self.request("ACK")
        return answer

    async def update(self, body: str) -> Received:
        """UPDATE with an offer (RFC 3311); returns the 200."""
        self.request("UPDATE", body=body)
        return await self.response(200, "UPDATE")

    async def bye(self) -> None:
        """BYE and its 200."""
        self.request("BYE")
        await self.response(200, "BYE")


@asynccontextmanager
async def party(target: str, *, host: str = LOOPBACK, port: int = 0) -> AsyncIterator[Party]:
    """A party on a SIP port, 0 for any, and an RTP port of its own; an IPv6 address as host stands in brackets."""
    address = host.strip("[]")
    loop = asyncio.get_running_loop()
    sip, sip_socket = await loop.create_datagram_endpoint(_Socket, local_addr=(address, port))
    rtp, rtp_socket = await loop.create_datagram_endpoint(_Socket, local_addr=(address, 0))
    ports = [int(one.get_extra_info("sockname")[1]) for one in (sip, rtp)]
    try:
        yield Party(target, ports[0], ports[1], sip, sip_socket, rtp, rtp_socket.arrived, host=host)
    finally:
        sip.close()
        rtp.close()
