from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers import rtp, wire
from tests.peers.pcap import Datagram


def datagram(payload: bytes) -> Datagram:
    return Datagram(0, wire.CALLER, wire.AGENT, payload)


def test_a_header_is_read_field_by_field() -> None:
    data = struct.pack(">BBHII", 0x80, 0x80 | 8, 65535, 1234567, 0xCAFE) + b"abc"
    packet = rtp.parse_rtp(datagram(data))
    assert packet == rtp.RtpPacket(0, 0xCAFE, 65535, 1234567, 8, True, b"abc")


def test_contributing_sources_extension_and_padding_are_no_payload() -> None:
    header = struct.pack(">BBHII", 0x80 | 0x20 | 0x10 | 1, 0, 1, 160, 7)
    data = header + b"\0" * 4 + struct.pack(">HH", 0xBEDE, 1) + b"\0" * 4 + b"sound" + b"\0\0\x03"
    packet = rtp.parse_rtp(datagram(data))
    assert packet is not None
    assert packet.payload == b"sound"


def test_rtcp_and_other_protocols_are_no_rtp() -> None:
    assert rtp.parse_rtp(datagram(struct.pack(">BBHII", 0x80, 200, 6, 1, 2))) is None
    assert rtp.parse_rtp(datagram(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n")) is None
    assert rtp.parse_rtp(datagram(b"")) is None


@given(st.binary(max_size=64))
def test_no_datagram_breaks_the_parser(data: bytes) -> None:
    packet = rtp.parse_rtp(datagram(data))
    assert packet is None or len(packet.payload) <= len(data) - 12


def test_streams_are_told_apart_by_direction_and_ssrc() -> None:
    caller = wire.stream(wire.quiet(400))
    agent = wire.stream(wire.quiet(400), source=wire.AGENT, destination=wire.CALLER, start_ns=5)
    found = rtp.streams([*agent, *caller])
    assert [(stream.source, len(stream.packets)) for stream in found] == [(wire.CALLER, 20), (wire.AGENT, 20)]


def test_even_pacing_has_neither_loss_nor_wide_gaps() -> None:
    result = rtp.pacing(rtp.streams(wire.stream(wire.quiet(2000)))[0].packets)
    assert (result.lost, result.reordered, result.gap_max_ms) == (0, 0, 20)
    assert result.timestamp_steps == {160: 99}


def test_a_late_packet_is_the_widest_gap_and_tells_where() -> None:
    late = wire.stream(wire.quiet(1000), delays_ms={30: 15})
    result = rtp.pacing(rtp.streams(late)[0].packets)
    assert result.gap_max_ms == pytest.approx(35)
    assert result.gap_max_at_ns == 29 * wire.FRAME_NS


def test_missing_sequence_numbers_are_loss_also_where_the_counter_wraps() -> None:
    damaged = wire.stream(wire.quiet(1000), first_sequence=65530, lost=(4, 5, 20))
    result = rtp.pacing(rtp.streams(damaged)[0].packets)
    assert (result.lost, result.reordered) == (3, 0)


def test_swapped_packets_are_reordered_not_lost() -> None:
    datagrams = wire.stream(wire.quiet(1000))
    datagrams[10], datagrams[11] = datagrams[11], datagrams[10]
    result = rtp.pacing(rtp.streams(datagrams)[0].packets)
    assert (result.lost, result.reordered) == (0, 1)


def test_pacing_of_one_packet_is_refused() -> None:
    with pytest.raises(ValueError, match="two packets"):
        rtp.pacing([])


def test_decoded_sound_is_as_long_as_it_was_sent() -> None:
    sound = rtp.decode(rtp.streams(wire.stream(wire.tone(400)))[0])
    assert len(sound.pcm()) == 400 * 8 * 2
    assert max(sound.frames[3]) == pytest.approx(8000, rel=0.05)
