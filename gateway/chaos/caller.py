"""A caller who speaks a recorded phrase, listens until it has the whole answer, and speaks again, by SIP and RTP."""

from __future__ import annotations

import asyncio
import audioop
import re
import struct
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import numpy as np

from gateway.chaos.heard import LEAST_PACKETS, Heard, Packet
from gateway.chaos.line import Address, Line, open_line
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
HELD_UP_SECONDS = 0.06
"""A packet of the phrase that is sent later than this after its time may not be heard any more."""
_LOOK_SECONDS = 0.05
_FRAME_SECONDS = 0.02
_SILENCE = b"\xff" * 160
_SSRC = 0x43484153
_LOUD = 1000
_HEADER = 12
_NO_ANSWER = 408


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
        """One datagram of RTP (RFC 3550 section 5.1); others than PCMU are not asked for."""
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


class Caller:
    """One call.

    :param gateway: host:port of SIP
    :param turns: how often it speaks the phrase
    :param words: of each answer
    """

    def __init__(self, gateway: str, phrase: Phrase, *, turns: int, words: int) -> None:
        host, port = gateway.rsplit(":", 1)
        self._gateway = (host, int(port))
        self._phrase = phrase
        self._turns = turns
        self.heard = Heard(words)
        self._ear = _Ear(self.heard)
        self._call_id, self._tag, self._branch = uuid4().hex, uuid4().hex[:8], ""
        self._remote = f"sip:chaos@{gateway}"
        self._to = f"<{self._remote}>"
        self._sequence = 0
        self._media: Address | None = None
        self._to_say: list[bytes] = []

    async def call(self) -> Heard:
        """From INVITE to BYE. What went wrong stands in what was heard."""
        async with open_line(self.on_sound) as line:
            return await self.hold(line)

    def on_sound(self, data: bytes, at_ns: int) -> None:
        """A datagram came to the RTP port."""
        self._ear.take(data, at_ns)

    async def hold(self, line: Line) -> Heard:
        """The call, over a line whose sound goes to `on_sound`."""
        self.heard.refused = await self._invite(line)
        if self.heard.refused:
            return self.heard
        self.heard.began_ns = time.time_ns()
        speaking = asyncio.create_task(self._speak(line))
        hung_up = asyncio.create_task(self._hung_up(line))
        talking = asyncio.create_task(self._talk())
        await asyncio.wait([talking, hung_up], return_when=asyncio.FIRST_COMPLETED)
        self.heard.ended_ns = time.time_ns()
        self.heard.dropped = hung_up.done()
        for task in (talking, speaking, hung_up):
            task.cancel()
        await asyncio.gather(talking, speaking, hung_up, return_exceptions=True)
        if not self.heard.dropped:
            self.heard.dropped = await self._request(line, "BYE") != 200
        return self.heard

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

    async def _speak(self, line: Line) -> None:
        """A packet every 20 ms, by an absolute clock."""
        began, index = time.monotonic(), 0
        while True:
            saying = bool(self._to_say)
            payload = self._to_say.pop(0) if saying else _SILENCE
            late = time.monotonic() - began - index * _FRAME_SECONDS
            self.heard.held_up |= saying and late > HELD_UP_SECONDS
            head = struct.pack(">BBHII", 0x80, 0, index & 0xFFFF, index * 160 & 0xFFFFFFFF, _SSRC)
            if self._media is not None:
                line.send_sound(head + payload, self._media)
            index += 1
            await asyncio.sleep(max(0.0, began + index * _FRAME_SECONDS - time.monotonic()))

    # ------------------------------------------------------------ signalling

    async def _invite(self, line: Line) -> int:
        """0 when it was answered, else the status; 408 when nothing came."""
        host = line.address[0]
        lines = ["v=0", f"o=chaos 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
        offer = "\r\n".join([*lines, f"m=audio {line.sound_port} RTP/AVP 0", ""])
        status = await self._request(line, "INVITE", offer)
        if status == 200:
            self._branch = _new_branch()
        if status != _NO_ANSWER:
            self._send(line, "ACK", "")
        return 0 if status == 200 else status

    async def _hung_up(self, line: Line) -> None:
        """Wait for BYE of the other side, and answer it. Anything else of theirs is answered, too."""
        while True:
            data, source = await line.came.get()
            message, _ = _read(data)
            method = message.start_line.split(" ")[0]
            if method in ("SIP/2.0", "ACK"):
                continue
            names = ("Via", "From", "To", "Call-ID", "CSeq")
            copied = [f"{name}: {value}" for name in names for value in message.all(name.lower())]
            line.send("\r\n".join(["SIP/2.0 200 OK", *copied, "Content-Length: 0", "", ""]).encode(), source)
            if method == "BYE":
                return

    async def _request(self, line: Line, method: str, body: str = "") -> int:
        """Send a request until it has a final answer; returns its status, 408 for none."""
        self._sequence += 1
        self._branch = _new_branch()
        try:
            async with asyncio.timeout(SIGNALLING_SECONDS):
                while True:
                    self._send(line, method, body)
                    if status := await self._final(line, method):
                        return status
        except TimeoutError:
            return _NO_ANSWER

    async def _final(self, line: Line, method: str) -> int:
        """The final answer to a request; 0 when nothing at all came for AGAIN_SECONDS."""
        while True:
            try:
                data, _ = await asyncio.wait_for(line.came.get(), AGAIN_SECONDS)
            except TimeoutError:
                return 0
            message, body = _read(data)
            words = message.start_line.split(" ")
            if words[0] != "SIP/2.0" or message.first("cseq").split(" ")[-1] != method or int(words[1]) < 200:
                continue
            self._to = message.first("to")
            if method == "INVITE" and int(words[1]) == 200:
                self._answered(message, body)
            return int(words[1])

    def _answered(self, message: SipMessage, body: str) -> None:
        """Where further requests and our sound go."""
        self._remote = parse_address(message.first("contact")).uri or self._remote
        address = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
        port = re.search(r"^m=audio (\d+)", body, re.MULTILINE)
        if address and port:
            self._media = (address[1], int(port[1]))

    def _send(self, line: Line, method: str, body: str) -> None:
        host, port = line.address
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
        line.send("\r\n".join([*lines, "", body]).encode(), self._gateway)


def _read(data: bytes) -> tuple[SipMessage, str]:
    head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
    return parse_message(head), body


def _new_branch() -> str:
    return f"z9hG4bK{uuid4().hex}"
