"""The ladder of a call: which SIP messages went when between whom, and the media beside them. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.recording.packet import Kind, Packet
from gateway.sip.headers import parse_message

_STATIC = {"0": "PCMU", "8": "PCMA", "9": "G722"}
"""Payload types that need no rtpmap (RFC 3551 section 6)."""
_AUDIO = re.compile(rb"^m=audio (\d+)[^ ]* \S+ (\d+)", re.MULTILINE)
_DIRECTION = re.compile(rb"^a=(sendonly|recvonly|inactive)\s*$", re.MULTILINE)
_RTP_BYTES = 12


@dataclass(frozen=True, slots=True)
class Message:
    """`at_ms` counts from the first message. `label` is the method, or status and reason. `sdp` is the codec of what is
    offered or answered, and its direction where that is not both; empty without SDP. `repeated`: just these bytes went
    before."""

    at_ms: int
    sent: bool
    party: str
    transport: str
    label: str
    sequence: str
    call_id: str
    sdp: str
    repeated: bool


@dataclass(slots=True)
class Stream:
    """RTP of one sender. `lost` are numbers that never came, at our place in the network."""

    sent: bool
    party: str
    ssrc: str
    first_ms: int
    last_ms: int = 0
    packets: int = 0
    lost: int = 0
    payload_type: int = 0
    _types: Counter[int] = field(default_factory=Counter, repr=False)
    _numbers: set[int] = field(default_factory=set, repr=False)
    _highest: int = -1


@dataclass(frozen=True, slots=True)
class Ladder:
    """`started_ns` is CLOCK_REALTIME of the first packet; parties in the order in which they appear."""

    started_ns: int
    parties: tuple[str, ...]
    messages: tuple[Message, ...]
    streams: tuple[Stream, ...]


def ladder_of(packets: Iterable[Packet]) -> Ladder:
    """The ladder of a call's packets; empty without any."""
    ordered = sorted(packets, key=lambda packet: packet.time_ns)
    started = ordered[0].time_ns if ordered else 0
    messages, seen = [], set[tuple[bool, bytes]]()
    streams: dict[tuple[bool, str, bytes], Stream] = {}
    for packet in ordered:
        at_ms = (packet.time_ns - started) // 1_000_000
        if packet.kind is Kind.SIP:
            messages.append(_message(packet, at_ms, repeated=(packet.sent, packet.data) in seen))
            seen.add((packet.sent, packet.data))
        elif packet.kind is Kind.RTP and len(packet.data) >= _RTP_BYTES and packet.data[0] >> 6 == 2:
            key = (packet.sent, str(packet.remote), packet.data[8:12])
            stream = streams.setdefault(key, Stream(packet.sent, str(packet.remote), f"0x{key[2].hex()}", at_ms))
            _count(stream, packet.data, at_ms)
    parties = dict.fromkeys([message.party for message in messages])
    return Ladder(started, tuple(parties), tuple(messages), tuple(streams.values()))


def shown(ladder: Ladder) -> Mapping[str, Any]:
    """The ladder as JSON: times in ms from its beginning."""
    return {
        "startedAt": datetime.fromtimestamp(ladder.started_ns / 1e9, UTC).isoformat(),
        "parties": list(ladder.parties),
        "messages": [
            {
                "at": message.at_ms,
                "sent": message.sent,
                "party": message.party,
                "transport": message.transport,
                "label": message.label,
                "cseq": message.sequence,
                "callId": message.call_id,
                "sdp": message.sdp,
                "repeated": message.repeated,
            }
            for message in ladder.messages
        ],
        "streams": [
            {
                "sent": stream.sent,
                "party": stream.party,
                "ssrc": stream.ssrc,
                "payloadType": stream.payload_type,
                "packets": stream.packets,
                "lost": stream.lost,
                "from": stream.first_ms,
                "to": stream.last_ms,
            }
            for stream in ladder.streams
        ],
    }


def _message(packet: Packet, at_ms: int, *, repeated: bool) -> Message:
    head = parse_message(packet.data.decode(errors="replace"))
    version, _, rest = head.start_line.partition(" ")
    return Message(
        at_ms,
        packet.sent,
        str(packet.remote),
        packet.transport,
        rest if version == "SIP/2.0" else version,
        head.first("cseq"),
        head.first("call-id"),
        _sdp(packet.data.partition(b"\r\n\r\n")[2]),
        repeated,
    )


def _sdp(body: bytes) -> str:
    audio = _AUDIO.search(body)
    if audio is None:
        return ""
    if audio[1] == b"0":
        return "refused"
    payload = audio[2].decode()
    named = re.search(rf"^a=rtpmap:{payload} ([^/\s]+)".encode(), body, re.MULTILINE)
    codec = named[1].decode() if named else _STATIC.get(payload, payload)
    direction = _DIRECTION.search(body)
    return f"{codec}/{direction[1].decode()}" if direction else codec


def _count(stream: Stream, data: bytes, at_ms: int) -> None:
    number = int.from_bytes(data[2:4], "big")
    if stream._highest >= 0:
        # sequence numbers have sixteen bits: the place that is nearest to the highest yet
        number = stream._highest + ((number - stream._highest + 0x8000) & 0xFFFF) - 0x8000
    stream._highest = max(stream._highest, number)
    stream._numbers.add(number)
    stream._types[data[1] & 0x7F] += 1
    stream.last_ms = at_ms
    stream.packets += 1
    stream.lost = stream._highest - min(stream._numbers) + 1 - len(stream._numbers)
    stream.payload_type = stream._types.most_common(1)[0][0]
