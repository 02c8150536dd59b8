"""Many callers on one UDP socket who change their minds: CANCEL a few milliseconds around the answer, before any
response, twice; BYE while it still rings; an INVITE that comes twice. Each follows its call to its end (RFC 3261).
"""

from __future__ import annotations

import asyncio
import random
import statistics
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4

from gateway.sip.headers import SipMessage, parse_message
from tests.peers.ports import LOOPBACK

_SPREAD_SECONDS = 0.005
_REPEAT_SECONDS = 0.5
_REPEATS = 10
_LEARNING = 20
"""Calls that are left to be answered, to know when answers come."""


class Whim(StrEnum):
    """What a caller does."""

    CANCEL = "CANCEL around the answer"
    CANCEL_TWICE = "CANCEL around the answer, twice"
    CANCEL_AT_ONCE = "CANCEL before any response"
    BYE_EARLY = "BYE while it rings"
    INVITE_TWICE = "INVITE twice, CANCEL around the answer"
    PATIENT = "BYE after the answer"


_WEIGHTS = {
    Whim.CANCEL: 60,
    Whim.CANCEL_TWICE: 20,
    Whim.CANCEL_AT_ONCE: 8,
    Whim.BYE_EARLY: 6,
    Whim.INVITE_TWICE: 6,
}


@dataclass(slots=True)
class HastyCall:
    """One call. `final` is the status that its INVITE got; times are seconds of the loop's clock."""

    whim: Whim
    begun: float
    call_id: str = field(default_factory=lambda: uuid4().hex)
    tag: str = field(default_factory=lambda: uuid4().hex[:8])
    branch: str = field(default_factory=lambda: f"z9hG4bK{uuid4().hex}")
    to: str = ""
    target: str = ""
    responded: bool = False
    cancelled: float | None = None
    answered: float | None = None
    final: int = 0
    open: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    """Requests without an answer, by method, with how often each was sent."""
    over: bool = False


class HastyCallers(asyncio.DatagramProtocol):
    """`calls` by Call-ID."""

    def __init__(self, address: str, seed: int) -> None:
        self.calls: dict[str, HastyCall] = {}
        self._host, _, port = address.rpartition(":")
        self._destination = (self._host, int(port))
        self._address = address
        self._random = random.Random(seed)
        self._answers: deque[float] = deque([0.02], maxlen=51)
        self._transport: asyncio.DatagramTransport
        self._loop = asyncio.get_running_loop()

    @asynccontextmanager
    async def sending(self, transport: asyncio.DatagramTransport) -> AsyncIterator[None]:
        """Send by this transport while the block runs."""
        self._transport = transport
        sweeping = self._loop.create_task(self._sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            transport.close()

    # ---------------------------------------------------------------- for those who run it

    async def run(self, calls: int, *, rate: float) -> None:
        """Begin so many calls, `rate` of them a second."""
        started = self._loop.time()
        whims, weights = list(_WEIGHTS), list(_WEIGHTS.values())
        for index in range(calls):
            await asyncio.sleep(max(0.0, started + index / rate - self._loop.time()))
            learning = len(self._answers) < _LEARNING
            self._begin(Whim.PATIENT if learning else self._random.choices(whims, weights)[0])

    async def until_over(self, seconds: float) -> bool:
        """Whether every call came to its end within the time."""
        until = self._loop.time() + seconds
        while self._loop.time() < until:
            if all(call.over for call in self.calls.values()):
                return True
            await asyncio.sleep(0.1)
        return False

    @property
    def finals(self) -> Counter[int]:
        """How often each final status came."""
        return Counter(call.final for call in self.calls.values())

    @property
    def offsets_ms(self) -> list[float]:
        """From the answer to the CANCEL, where both came: the lost races."""
        both = ((call.cancelled, call.answered) for call in self.calls.values())
        return [1000 * (cancelled - answered) for cancelled, answered in both if cancelled and answered]

    # ---------------------------------------------------------------- sending

    def _begin(self, whim: Whim) -> None:
        call = HastyCall(whim, self._loop.time())
        self.calls[call.call_id] = call
        self._ask(call, "INVITE", body=_OFFER)
        if whim is Whim.CANCEL_AT_ONCE:
            self._cancel(call)
        if whim is Whim.INVITE_TWICE:
            self._transport.sendto(call.open["INVITE"][0], self._destination)
        if whim in (Whim.CANCEL, Whim.CANCEL_TWICE, Whim.INVITE_TWICE):
            offset = self._random.uniform(-_SPREAD_SECONDS, _SPREAD_SECONDS)
            self._loop.call_later(max(0.0, statistics.median(self._answers) + offset), self._cancel, call)

    def _cancel(self, call: HastyCall) -> None:
        if call.final >= 300 or call.over:
            return
        call.cancelled = self._loop.time()
        self._ask(call, "CANCEL")
        if call.whim is Whim.CANCEL_TWICE:
            self._transport.sendto(call.open["CANCEL"][0], self._destination)

    def _ask(self, call: HastyCall, method: str, *, body: str = "") -> None:
        request = self._request(call, method, body)
        if method != "ACK":
            call.open[method] = (request, 1)
        self._transport.sendto(request, self._destination)

    def _request(self, call: HastyCall, method: str, body: str = "") -> bytes:
        inside = method in ("BYE", "ACK") and call.final < 300
        branch = f"z9hG4bK{uuid4().hex}" if inside else call.branch
        uri = call.target if inside and call.target else f"sip:100@{self._address}"
        with_tag = inside or (method == "ACK" and call.final >= 300)
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {LOOPBACK}:{self._port};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:hasty@{LOOPBACK}:{self._port}>;tag={call.tag}",
            f"To: {call.to if with_tag and call.to else f'<sip:100@{self._address}>'}",
            f"Call-ID: {call.call_id}",
            f"CSeq: {2 if method == 'BYE' else 1} {method}",
            f"Contact: <sip:hasty@{LOOPBACK}:{self._port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", body]).encode()

    @property
    def _port(self) -> int:
        return int(self._transport.get_extra_info("sockname")[1])

    # ---------------------------------------------------------------- receiving

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse_message(data.decode())
        call = self.calls.get(message.first("call-id"))
        if call is None:
            return
        words = message.start_line.split(" ")
        if words[0] != "SIP/2.0":
            self._asked(call, message)
            return
        status, method = int(words[1]), message.first("cseq").split(" ")[-1]
        call.responded = True
        if method == "INVITE":
            self._invite_answered(call, status, message)
        elif status >= 200:
            call.open.pop(method, None)
        self._check(call)

    def _asked(self, call: HastyCall, message: SipMessage) -> None:
        copied = [
            f"{name}: {value}"
            for name in ("Via", "From", "To", "Call-ID", "CSeq")
            for value in message.all(name.lower())
        ]
        answer = "\r\n".join(["SIP/2.0 200 OK", *copied, "Content-Length: 0", "", ""])
        self._transport.sendto(answer.encode(), self._destination)
        if message.start_line.startswith("BYE"):
            call.open.pop("BYE", None)
            call.over = True

    def _invite_answered(self, call: HastyCall, status: int, message: SipMessage) -> None:
        call.to = message.first("to")
        contact = message.first("contact")
        if contact:
            call.target = contact[contact.index("<") + 1 : contact.index(">")]
        if status >= 200:
            again, call.final = bool(call.final), status
            call.open.pop("INVITE", None)
            self._ask(call, "ACK")
            if status < 300 and not again:
                self._took(call)
        elif status == 180 and call.whim is Whim.BYE_EARLY and "BYE" not in call.open:
            self._ask(call, "BYE")

    def _took(self, call: HastyCall) -> None:
        """The gateway answered: the race is lost, or was none."""
        call.answered = self._loop.time()
        self._answers.append(call.answered - call.begun)
        if call.whim is not Whim.BYE_EARLY or "BYE" not in call.open:
            self._ask(call, "BYE")

    def _check(self, call: HastyCall) -> None:
        call.over = call.over or (bool(call.final) and not call.open)

    async def _sweep(self) -> None:
        """Requests are sent again until they are answered: loopback loses datagrams when its buffers are full."""
        while True:
            await asyncio.sleep(_REPEAT_SECONDS)
            for call in self.calls.values():
                if call.over:
                    continue
                for method, (request, times) in list(call.open.items()):
                    if times <= _REPEATS and not (method == "INVITE" and call.responded):
                        self._transport.sendto(request, self._destination)
                        call.open[method] = (request, times + 1)


_OFFER = "\r\n".join(
    [
        "v=0",
        f"o=hasty 1 1 IN IP4 {LOOPBACK}",
        "s=-",
        f"c=IN IP4 {LOOPBACK}",
        "t=0 0",
        "m=audio 9 RTP/AVP 0",
        "a=rtpmap:0 PCMU/8000",
        "",
    ]
)


@asynccontextmanager
async def hasty_callers(address: str, *, seed: int = 11) -> AsyncIterator[HastyCallers]:
    """Callers of a gateway at host:port."""
    loop = asyncio.get_running_loop()
    transport, callers = await loop.create_datagram_endpoint(
        lambda: HastyCallers(address, seed), local_addr=(LOOPBACK, 0)
    )
    async with callers.sending(transport):
        yield callers
