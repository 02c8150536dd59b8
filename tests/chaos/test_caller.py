"""The caller of chaos, against a gateway in memory."""

from __future__ import annotations

import asyncio
import audioop
import struct
import time

import pytest

from gateway.chaos import caller as module
from gateway.chaos.caller import Caller, Phrase
from gateway.chaos.heard import judged
from gateway.chaos.line import Address
from gateway.chaos.tones import passage, tone
from gateway.sip.headers import parse_message

GATEWAY = ("192.0.2.1", 5060)
WORDS = 4
PHRASE = Phrase.of(tone(7).tobytes())
SDP = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n"


class GatewayInMemory:
    """A line whose other end answers: each phrase by a passage, as fast as it can; `status` to INVITE. After
    `hang_up_after` passages it sends BYE."""

    def __init__(self, *, status: int = 200, hang_up_after: int = 99) -> None:
        self.address: Address = ("192.0.2.9", 5061)
        self.sound_port = 4002
        self.came: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self.requests: list[str] = []
        self.answers: list[str] = []
        self.media: set[Address] = set()
        self.caller = Caller("192.0.2.1:5060", PHRASE, turns=2, words=WORDS)
        self._status = status
        self._hang_up_after = hang_up_after
        self._passages = self._loud = 0

    def send(self, message: bytes, to: Address) -> None:
        text = message.decode()
        method = text.split(" ")[0]
        if method == "SIP/2.0":
            self.answers.append(text)
            return
        self.requests.append(method)
        if method == "INVITE":
            self._reply(text, self._status, SDP)
        elif method == "ACK" and self._status == 200:
            self._say()
        elif method == "BYE":
            self._reply(text, 200, "")

    def send_sound(self, packet: bytes, to: Address) -> None:
        self.media.add(to)
        self._loud += audioop.max(audioop.ulaw2lin(packet[12:], 2), 2) > 1000
        if self._loud == PHRASE.sounding:
            self._loud = 0
            self._say()

    def _reply(self, request: str, status: int, body: str) -> None:
        message = parse_message(request)
        copied = [f"{name}: {message.first(name)}" for name in ("via", "from", "call-id", "cseq")]
        lines = [
            f"SIP/2.0 {status} Text",
            *copied,
            f"To: {message.first('to')};tag=x",
            "Contact: <sip:agent@192.0.2.1>",
        ]
        self.came.put_nowait(("\r\n".join([*lines, "", body]).encode(), GATEWAY))

    def _say(self) -> None:
        if self._passages == self._hang_up_after:
            self.came.put_nowait((b"BYE sip:chaos SIP/2.0\r\nVia: v\r\nCSeq: 1 BYE\r\n\r\n", GATEWAY))
            return
        pcm = b"".join(tone(number).tobytes() for number in passage(self._passages, WORDS))
        self._passages += 1
        now = time.time_ns() + 1
        for at in range(0, len(pcm), 320):
            payload = audioop.lin2ulaw(pcm[at : at + 320], 2)
            self.caller.on_sound(struct.pack(">BBHII", 0x80, 0, at // 320, at // 2, 9) + payload, now + at)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(module, "_FRAME_SECONDS", 0.001)


async def test_a_call_is_held_turn_by_turn_and_ended() -> None:
    line = GatewayInMemory()
    heard = await line.caller.hold(line)
    assert line.requests == ["INVITE", "ACK", "BYE"]
    assert line.media == {("192.0.2.1", 4000)}
    assert (heard.refused, heard.dropped, heard.unanswered, len(heard.asked_ns)) == (0, False, 0, 2)
    assert (list(judged(heard).missing), list(judged(heard).repeated)) == ([], [])


async def test_a_call_that_is_refused_is_told_with_its_status() -> None:
    line = GatewayInMemory(status=503)
    assert (await line.caller.hold(line)).refused == 503
    assert line.requests == ["INVITE", "ACK"]


async def test_a_call_that_the_other_side_ends_is_dropped_and_its_bye_answered() -> None:
    line = GatewayInMemory(hang_up_after=1)
    assert (await line.caller.hold(line)).dropped
    assert line.requests == ["INVITE", "ACK"]
    assert [text.split("\r\n")[0] for text in line.answers] == ["SIP/2.0 200 OK"]


async def test_an_answer_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    line = GatewayInMemory()
    monkeypatch.setattr(line, "send_sound", lambda packet, to: None)
    heard = await line.caller.hold(line)
    assert heard.unanswered == 2
    assert judged(heard).missing == [*passage(1, WORDS), *passage(2, WORDS)]
