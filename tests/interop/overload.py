"""More calls than fit, offered by SIPp, and what the wire shows of it: who was taken, how fast others were refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.interop.continuity import from_ports, to_ports
from tests.interop.product import Product
from tests.peers import speech
from tests.peers.capture import capture
from tests.peers.pcap import Datagram
from tests.peers.ports import free_ports
from tests.peers.rtp import Pacing, RtpStream, pacing
from tests.peers.sipp import SippPlan, SippResult, sipp

_CALL_ID = re.compile(rb"^call-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_REASON = re.compile(rb'^warning:\s*399 parley "([^"]*)"', re.IGNORECASE | re.MULTILINE)
_RETRY_AFTER = re.compile(rb"^retry-after:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
_SNAP_BYTES = 1200
SHORTEST_STREAM = 25
"""Packets: what is shorter was cut by the end of the capture."""


@dataclass(frozen=True, slots=True)
class Load:
    """`places` calls of `hold_seconds` fit; `times` as many are offered for `seconds`."""

    places: int
    hold_seconds: float
    times: float
    seconds: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.times * self.places / self.hold_seconds


@dataclass(frozen=True, slots=True)
class Refused:
    after_ms: float
    status: int
    reason: str
    retry_after: int


@dataclass(frozen=True, slots=True)
class Overload:
    """`goodput` is the part of the places that had a call with audio, from when they were full until no more calls were
    offered. `ours` and `theirs` are the streams of the calls that were taken."""

    offered: int
    answered_ms: list[float]
    refused: list[Refused]
    goodput: float
    ours: list[Pacing]
    theirs: list[Pacing]
    sipp: SippResult

    @property
    def reasons(self) -> Counter[str]:
        return Counter(one.reason for one in self.refused)


async def overloaded(product: Product, load: Load, folder: Path) -> Overload:
    """Offer the load and look at the wire. :raises PeerMissing, PeerFailed: as SIPp and capture do"""
    plan = product.plan
    calls = SippPlan(
        "overload_call",
        product.address,
        folder,
        calls=round(load.rate * load.seconds),
        at_once=4 * load.places + round(load.rate),
        rate=load.rate,
        hold_ms=round(load.hold_seconds * 1000),
        audio=speech.join(speech.synthetic("Can you hear me?"), speech.silence(3000)),
        rtp_ports=free_ports(2000),
    )
    (folder / "sip").mkdir(parents=True)
    async with AsyncExitStack() as stack:
        signalling = await stack.enter_async_context(
            capture(folder / "sip", ports=(plan.sip_port, plan.sip_port), snap_bytes=_SNAP_BYTES)
        )
        media = await stack.enter_async_context(capture(folder, ports=plan.rtp_ports))
        result = await sipp(calls, seconds=load.seconds + load.hold_seconds + 30)
    offered, answered_ms, refused = _judged(signalling.datagrams(), plan.sip_port)
    datagrams = media.datagrams()
    ours = _whole(from_ports(datagrams, plan.rtp_ports))
    return Overload(
        offered,
        answered_ms,
        refused,
        _goodput(ours, load),
        [pacing(stream.packets) for stream in ours],
        [pacing(stream.packets) for stream in _whole(to_ports(datagrams, plan.rtp_ports))],
        result,
    )


def _judged(datagrams: Sequence[Datagram], port: int) -> tuple[int, list[float], list[Refused]]:
    """Calls that were offered, how fast some were answered, and the others refused; by first INVITE and answer."""
    invited: dict[bytes, int] = {}
    final: dict[bytes, Datagram] = {}
    for datagram in datagrams:
        message = datagram.payload
        if (found := _CALL_ID.search(message)) is None:
            continue
        if datagram.destination[1] == port and message.startswith(b"INVITE "):
            invited.setdefault(found[1], datagram.at_ns)
        elif message.startswith(b"SIP/2.0 ") and message[8:9] in b"23456" and b" INVITE" in message:
            final.setdefault(found[1], datagram)
    after_ms = {call: (answer.at_ns - invited[call]) / 1e6 for call, answer in final.items()}
    answered = [after_ms[call] for call, answer in final.items() if answer.payload[8:9] == b"2"]
    refused = [
        _refused(answer.payload, after_ms[call]) for call, answer in final.items() if answer.payload[8:9] != b"2"
    ]
    return len(invited), answered, refused


def _refused(answer: bytes, after_ms: float) -> Refused:
    reason, retry_after = _REASON.search(answer), _RETRY_AFTER.search(answer)
    return Refused(
        after_ms, int(answer[8:11]), reason[1].decode() if reason else "", int(retry_after[1]) if retry_after else 0
    )


def _whole(streams: Sequence[RtpStream]) -> list[RtpStream]:
    return [stream for stream in streams if len(stream.packets) >= SHORTEST_STREAM]


def _goodput(streams: Sequence[RtpStream], load: Load) -> float:
    begun = min((stream.start_ns for stream in streams), default=0)
    first = begun + load.hold_seconds * 1e9
    last = begun + load.seconds * 1e9
    carried = sum(max(0.0, min(stream.end_ns, last) - max(stream.start_ns, first)) for stream in streams)
    return carried / (last - first) / load.places if last > first else 0.0
