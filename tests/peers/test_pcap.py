from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.peers.pcap import BadCapture, Datagram, read_datagrams

_UDP_IPV4 = (
    struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + 5, 1, 0, 64, 17, 0, bytes([127, 0, 0, 1]), bytes([127, 0, 0, 2]))
    + struct.pack(">HHHH", 4000, 5060, 8 + 5, 0)
    + b"hello"
)
_WANTED = Datagram(3_000_000_007, ("127.0.0.1", 4000), ("127.0.0.2", 5060), b"hello")


def pcap(path: Path, frames: list[bytes], *, link: int = 1, nanoseconds: bool = True) -> Path:
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    data = struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for frame in frames:
        data += struct.pack("<IIII", 3, 7, len(frame), len(frame)) + frame
    path.write_bytes(data)
    return path


def ethernet(packet: bytes, protocol: int = 0x0800) -> bytes:
    return b"\0" * 12 + struct.pack(">H", protocol) + packet


def test_udp_over_ethernet_is_read(tmp_path: Path) -> None:
    assert read_datagrams(pcap(tmp_path / "c", [ethernet(_UDP_IPV4)])) == [_WANTED]


def test_both_linux_cooked_formats_are_read(tmp_path: Path) -> None:
    cooked = b"\0" * 14 + struct.pack(">H", 0x0800) + _UDP_IPV4
    cooked2 = struct.pack(">H", 0x0800) + b"\0" * 18 + _UDP_IPV4
    assert read_datagrams(pcap(tmp_path / "a", [cooked], link=113)) == [_WANTED]
    assert read_datagrams(pcap(tmp_path / "b", [cooked2], link=276)) == [_WANTED]


def test_microseconds_become_nanoseconds(tmp_path: Path) -> None:
    (found,) = read_datagrams(pcap(tmp_path / "c", [ethernet(_UDP_IPV4)], nanoseconds=False))
    assert found.at_ns == 3_000_007_000


def test_other_protocols_fragments_and_stumps_are_left_out(tmp_path: Path) -> None:
    tcp = bytearray(_UDP_IPV4)
    tcp[9] = 6
    fragment = bytearray(_UDP_IPV4)
    fragment[6] = 0x20
    frames = [ethernet(bytes(tcp)), ethernet(bytes(fragment)), ethernet(_UDP_IPV4[:24]), ethernet(b"", 0x0806), b"x"]
    assert read_datagrams(pcap(tmp_path / "c", frames)) == []


def test_a_last_record_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = pcap(tmp_path / "c", [ethernet(_UDP_IPV4), ethernet(_UDP_IPV4)])
    path.write_bytes(path.read_bytes()[:-3])
    assert read_datagrams(path) == [_WANTED]


def test_a_file_that_is_no_capture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"RIFF" + b"\0" * 40)
    with pytest.raises(BadCapture, match="pcap header"):
        read_datagrams(tmp_path / "c")
    with pytest.raises(BadCapture, match="link type 105"):
        read_datagrams(pcap(tmp_path / "d", [], link=105))
