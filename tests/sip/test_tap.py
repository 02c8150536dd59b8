"""Which packet is whose, and how long one waits for somebody who wants it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.recording.packet import Address, Kind, Packet
from gateway.sip.capture.ring import packets
from gateway.sip.capture.tap import KEPT_MESSAGES, KEPT_NS, Routing

HERE, THERE = Address(bytes([127, 0, 0, 1]), 4000), Address(bytes([127, 0, 0, 2]), 6000)


@dataclass(eq=False)
class Sink:
    media: bool = True
    closed: bool = False
    taken: list[bytes] = field(default_factory=list)
    flushes: int = 0

    def take(self, packets: Sequence[Packet]) -> None:
        self.taken += [packet.data for packet in packets]

    def flush(self) -> None:
        self.flushes += 1


def message(call_id: str, data: bytes, at_ns: int = 0) -> Packet:
    return Packet(at_ns, Kind.SIP, False, HERE, THERE, data, "UDP", call_id)


def sound(data: bytes, port: int) -> Packet:
    return Packet(0, Kind.RTP, False, Address(HERE.host, port), THERE, data)


def test_who_follows_a_call_late_gets_its_first_message_and_no_other_calls() -> None:
    routing, sink = Routing(), Sink()
    routing.route([message("a", b"INVITE"), message("b", b"other")], 0)
    routing.follow("a", sink)
    routing.route([message("a", b"ACK"), message("b", b"other")], 1)
    assert sink.taken == [b"INVITE", b"ACK"]
    assert sink.flushes == 1


def test_media_are_those_of_the_calls_ports_and_collected_only_for_who_wants_them() -> None:
    routing, both, signalling = Routing(), Sink(), Sink(media=False)
    routing.follow("a", both)
    routing.follow("b", signalling)
    for port, call_id in ((4000, "a"), (4001, "a"), (5000, "b"), (6000, "nobody")):
        routing.media(port, call_id)
    assert routing.watched == {4000, 4001}
    routing.route([sound(b"rtp", 4000), sound(b"rtcp", 4001), sound(b"stray", 9)], 0)
    assert both.taken == [b"rtp", b"rtcp"]
    both.closed = True
    routing.route([], 1)
    assert routing.watched == set()


def test_a_port_that_another_call_got_is_no_longer_the_firsts() -> None:
    routing, first, second = Routing(), Sink(), Sink()
    routing.follow("a", first)
    routing.follow("b", second)
    routing.media(4000, "a")
    routing.media(4000, "b")
    routing.route([sound(b"rtp", 4000)], 0)
    assert (first.taken, second.taken) == ([], [b"rtp"])


def test_messages_that_nobody_wants_are_forgotten_by_age_and_by_number() -> None:
    routing, old, flood = Routing(), Sink(), Sink()
    routing.route([message("old", b"x", 0)], 0)
    routing.route([], KEPT_NS)
    routing.follow("old", old)
    assert old.taken == []
    routing.route([message(str(number), b"x", KEPT_NS) for number in range(KEPT_MESSAGES + 10)], KEPT_NS)
    routing.follow("0", flood)
    assert flood.taken == []
    routing.follow(str(KEPT_MESSAGES + 9), flood)
    assert flood.taken == [b"x"]


def test_records_of_the_library_are_read_one_after_the_other() -> None:
    head = struct.Struct("<qIBBBB16s16sHHI")
    first = head.pack(5, 3, 0, 1, 4, 2, HERE.host + bytes(12), THERE.host + bytes(12), 4000, 6000, 2) + b"idABC"
    second = head.pack(6, 4, 1, 0, 6, 0, bytes(15) + b"\1", bytes(15) + b"\2", 1, 2, 0) + b"wxyz"
    records = first + bytes(-len(first) % 8) + second + bytes(-len(second) % 8)
    assert list(packets(records)) == [
        Packet(5, Kind.SIP, True, HERE, THERE, b"ABC", "TLS", "id"),
        Packet(6, Kind.RTP, False, Address(bytes(15) + b"\1", 1), Address(bytes(15) + b"\2", 2), b"wxyz"),
    ]
