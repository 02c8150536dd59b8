"""A caller who speaks a recorded phrase, listens until it has the whole answer, and speaks again: SIP and RTP over UDP.

The arrival of each packet is the kernel's, so that a busy machine does not look like a silent call.
"""

from __future__ import annotations

import asyncio
import audioop
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import numpy as np

from gateway.chaos.heard import LEAST_PACKETS, Heard, Packet
from gateway.chaos.relay import HOST
from gateway.chaos.tones import heard_number, passage
from gateway.media.audio import FRAME_BYTES
from gateway.sip.headers import SipMessage, parse_address, parse_message

ANSWER_SECONDS = 10.0
"""Of silence after which a caller gives an answer up."""
QUIET_SECONDS = 0.6
"""After an answer, before the caller speaks."""
SIGNALLING_SECONDS = 8.0
AGAIN_SECONDS = 0.5
"""Between two sendings of a request that is not answered (RFC 3261 T1)."""
_LOOK_SECONDS = 0.05
_FRAME_SECONDS = 0.02
_SILENCE = b"\xff" * 160
_SO_TIMESTAMPNS = 35
_LOUD = 1000
_HEADER = 12


@dataclass(frozen=True, slots=True)
class Phrase:
    """Frames of PCMU, and how many of them it takes until its last sound."""

    frames: Sequence[bytes]
    sounding: int

    @classmethod
    def of(cls, pcm: bytes) -> Phrase:
        """Of 8000 Hz mono s16le."""
        pieces = [pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for at in range(0, len(pcm), FRAME_BYTES)]
        loud = [at for at, piece in enumerate(pieces, 1) if audioop.max(piece, 2) > _LOUD]
        return cls([audioop.lin2ulaw(piece, 2) for piece in pieces], max(loud, default=len(pieces)))


@dataclass(slots=True)
class _Ear:
    """What has come so far."""

    heard: Heard
    last_loud: float = 0.0
    seen: Counter[int] = field(default_factory=Counter)

    def take(self, data: bytes, at_ns: int) -> None:
        """One RTP packet (RFC 3550 section 5.1); others than PCMU are not asked for."""
        if len(data) <= _HEADER or data[0] >> 6 != 2 or data[1] & 0x7F != 0:
            return
        packet = Packet(at_ns, data[_HEADER + 4 * (data[0] & 0x0F) :])
        self.heard.packets.append(packet)
        number = heard_number(np.frombuffer(audioop.ulaw2lin(packet.payload, 2), dtype=np.int16))
        if number is not None:
            self.last_loud = time.monotonic()
            self.seen[number] += 1

    def has(self, number: int) -> bool:
        return self.seen[number] >= LEAST_PACKETS


class _Signalling(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Queue[tuple[SipMessage, str, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
        self.came.put_nowait((parse_message(head), body, addr))


class Caller:
    """One call.

    :param address: host:port of the gateway
    :param turns: phrases that it speaks
    :param words: of each answer
    """

    def __init__(self, address: str, phrase: Phrase, *, turns: int, words: int) -> None:
        host, port = address.rsplit(":", 1)
        self._gateway = (host, int(port))
        self._phrase = phrase
        self._turns = turns
        self.heard = Heard(words)
        self._ear = _Ear(self.heard)
        self._call_id, self._tag, self._branch = uuid4().hex, uuid4().hex[:8], ""
        self._to = f"<sip:chaos@{address}>"
        self._remote = f"sip:chaos@{address}"
        self._sequence = 0
        self._media: tuple[str, int] | None = None
        self._to_say: list[bytes] = []
        self._sip: asyncio.DatagramTransport
        self._signalling: _Signalling
        self._rtp: socket.socket

    async def call(self) -> Heard:
        """From INVITE to BYE. What went wrong stands in what was heard."""
        loop = asyncio.get_running_loop()
        self._sip, self._signalling = await loop.create_datagram_endpoint(_Signalling, local_addr=(HOST, 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as self._rtp:
            self._rtp.setblocking(False)
            self._rtp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._rtp.bind((HOST, 0))
            loop.add_reader(self._rtp, self._receive)
            try:
                await self._hold()
            finally:
                loop.remove_reader(self._rtp)
                self._sip.close()
        return self.heard

    async def _hold(self) -> None:
        self.heard.refused = await self._invite()
        if self.heard.refused:
            return
        self.heard.began_ns = time.time_ns()
        others = [asyncio.create_task(self._speak()), asyncio.create_task(self._hung_up())]
        talking = asyncio.create_task(self._talk())
        await asyncio.wait([talking, others[1]], return_when=asyncio.FIRST_COMPLETED)
        self.heard.ended_ns = time.time_ns()
        self.heard.dropped = not talking.done()
        for task in (talking, *others):
            task.cancel()
        await asyncio.gather(talking, *others, return_exceptions=True)
        if not self.heard.dropped:
            self.heard.dropped = await self._request("BYE") != 200

    # ------------------------------------------------------------ conversation

    async def _talk(self) -> None:
        await self._listen(0)
        for turn in range(1, self._turns + 1):
            self._to_say.extend(self._phrase.frames)
            await asyncio.sleep(self._phrase.sounding * _FRAME_SECONDS)
            self.heard.asked_ns.append(time.time_ns())
            await self._listen(turn)

    async def _listen(self, turn: int) -> None:
        """Until the passage is over, or nothing came for too long."""
        last = passage(turn, self.heard.words_each)[-1]
        since = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            quiet = time.monotonic() - max(since, self._ear.last_loud)
            if self._ear.has(last) and quiet > QUIET_SECONDS:
                return
            if quiet > ANSWER_SECONDS:
                self.heard.unanswered += 1
                return

    async def _speak(self) -> None:
        """A packet every 20 ms, by an absolute clock."""
        began, index = time.monotonic(), 0
        while True:
            payload = self._to_say.pop(0) if self._to_say else _SILENCE
            head = struct.pack(">BBHII", 0x80, 0, index & 0xFFFF, index * 160 & 0xFFFFFFFF, 0x43484153)
            if self._media is not None:
                self._rtp.sendto(head + payload, self._media)
            index += 1
            await asyncio.sleep(max(0.0, began + index * _FRAME_SECONDS - time.monotonic()))

    def _receive(self) -> None:
        try:
            data, ancillary, _, _ = self._rtp.recvmsg(2048, 64)
        except OSError:
            return
        at_ns = time.time_ns()
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(content) >= 16:
                seconds, nanoseconds = struct.unpack("qq", content[:16])
                at_ns = seconds * 1_000_000_000 + nanoseconds
        self._ear.take(data, at_ns)

    # ------------------------------------------------------------ signalling

    async def _invite(self) -> int:
        """0 when it was answered, else the status; 408 when nothing came."""
        port = int(self._rtp.getsockname()[1])
        lines = ["v=0", f"o=chaos 1 1 IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0", f"m=audio {port} RTP/AVP 0"]
        status = await self._request("INVITE", body="\r\n".join([*lines, ""]))
        if status == 200:
            self._branch = _new_branch()
        if status != 408:
            self._send("ACK", "")
        return 0 if status == 200 else status

    async def _hung_up(self) -> None:
        """Wait for BYE of the other side, and answer it. Anything else of theirs is answered, too."""
        while True:
            message, _, source = await self._signalling.came.get()
            words = message.start_line.split(" ")
            if words[0] in ("SIP/2.0", "ACK"):
                continue
            names = ("Via", "From", "To", "Call-ID", "CSeq")
            copied = [f"{name}: {value}" for name in names for value in message.all(name.lower())]
            text = "\r\n".join(["SIP/2.0 200 OK", *copied, "Content-Length: 0", "", ""])
            self._sip.sendto(text.encode(), source)
            if words[0] == "BYE":
                return

    async def _request(self, method: str, body: str = "") -> int:
        """Send a request until it has a final answer; returns its status, 408 for none."""
        self._sequence += 1
        self._branch = _new_branch()
        try:
            async with asyncio.timeout(SIGNALLING_SECONDS):
                while True:
                    self._send(method, body)
                    if status := await self._final(method):
                        return status
        except TimeoutError:
            return 408

    async def _final(self, method: str) -> int:
        """The final answer to a request; 0 when there was none within AGAIN_SECONDS of nothing at all."""
        while True:
            try:
                message, body, _ = await asyncio.wait_for(self._signalling.came.get(), AGAIN_SECONDS)
            except TimeoutError:
                return 0
            words = message.start_line.split(" ")
            if words[0] != "SIP/2.0" or message.first("cseq").split(" ")[-1] != method or int(words[1]) < 200:
                continue
            self._to = message.first("to")
            if method == "INVITE" and int(words[1]) == 200:
                self._answered(message, body)
            return int(words[1])

    def _answered(self, message: SipMessage, body: str) -> None:
        """Where further requests and our sound go."""
        contact = parse_address(message.first("contact")).uri
        self._remote = contact or self._remote
        address = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
        port = re.search(r"^m=audio (\d+)", body, re.MULTILINE)
        if address and port:
            self._media = (address[1], int(port[1]))

    def _send(self, method: str, body: str) -> None:
        host, port = self._sip.get_extra_info("sockname")
        lines = [
            f"{method} {self._remote} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch={self._branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:chaos@{host}:{port}>;tag={self._tag}",
            f"To: {self._to}",
            f"Call-ID: {self._call_id}",
            f"CSeq: {self._sequence} {method}",
            f"Contact: <sip:chaos@{host}:{port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self._sip.sendto("\r\n".join([*lines, "", body]).encode(), self._gateway)


def _new_branch() -> str:
    return f"z9hG4bK{uuid4().hex}"
