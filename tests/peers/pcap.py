"""Reads a libpcap file: the UDP datagrams in it, with the time the kernel saw each.

Formats: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html (file), link types 1 (Ethernet), 113 (Linux
cooked) and 276 (Linux cooked v2), IPv4 and IPv6 without extension headers. Fragments and other protocols are left out.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
"""First bytes of the file → byte order, nanoseconds per unit of a record's second time field."""

_ETHERNET, _LINUX_SLL, _LINUX_SLL2 = 1, 113, 276
_LINK_HEADER = {_ETHERNET: (14, 12), _LINUX_SLL: (16, 14), _LINUX_SLL2: (20, 0)}
"""Link type → length of its header, offset of the protocol number in it."""
_IPV4, _IPV6, _UDP = 0x0800, 0x86DD, 17


class BadCapture(ValueError):
    """Not a pcap file that we read."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram; `at_ns` is CLOCK_REALTIME in nanoseconds, addresses are (host, port)."""

    at_ns: int
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes


def read_datagrams(path: Path) -> list[Datagram]:
    """All UDP datagrams of a capture, in its order. A last record that was cut off is left out.

    :raises BadCapture: when the file is no pcap, or of a link type that is not known here
    """
    return list(_datagrams(path.read_bytes()))


def _datagrams(data: bytes) -> Iterator[Datagram]:
    if len(data) < 24 or data[:4] not in _MAGIC:
        raise BadCapture("the file does not start with a pcap header")
    order, unit_ns = _MAGIC[data[:4]]
    link = struct.unpack_from(order + "I", data, 20)[0] & 0x0FFFFFFF
    if link not in _LINK_HEADER:
        raise BadCapture(f"link type {link} is not known")
    record = struct.Struct(order + "IIII")
    offset = 24
    while offset + record.size <= len(data):
        seconds, fraction, captured, _ = record.unpack_from(data, offset)
        frame = data[offset + record.size : offset + record.size + captured]
        if len(frame) < captured:
            return
        offset += record.size + captured
        datagram = _from_frame(frame, link, seconds * 1_000_000_000 + fraction * unit_ns)
        if datagram:
            yield datagram


def _from_frame(frame: bytes, link: int, at_ns: int) -> Datagram | None:
    header, protocol_at = _LINK_HEADER[link]
    if len(frame) < header:
        return None
    protocol = struct.unpack_from(">H", frame, protocol_at)[0]
    packet = frame[header:]
    if protocol == _IPV4:
        return _from_ipv4(packet, at_ns)
    return _from_ipv6(packet, at_ns) if protocol == _IPV6 else None


def _from_ipv4(packet: bytes, at_ns: int) -> Datagram | None:
    if len(packet) < 20 or packet[9] != _UDP or struct.unpack_from(">H", packet, 6)[0] & 0x3FFF:
        return None
    header = (packet[0] & 0x0F) * 4
    return _from_udp(packet[header:], packet[12:16], packet[16:20], at_ns)


def _from_ipv6(packet: bytes, at_ns: int) -> Datagram | None:
    if len(packet) < 40 or packet[6] != _UDP:
        return None
    return _from_udp(packet[40:], packet[8:24], packet[24:40], at_ns)


def _from_udp(segment: bytes, source: bytes, destination: bytes, at_ns: int) -> Datagram | None:
    if len(segment) < 8:
        return None
    source_port, destination_port, length = struct.unpack_from(">HHH", segment)
    if length < 8:
        return None
    return Datagram(
        at_ns=at_ns,
        source=(str(ipaddress.ip_address(source)), source_port),
        destination=(str(ipaddress.ip_address(destination)), destination_port),
        payload=segment[8:length],
    )
