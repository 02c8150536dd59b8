"""The file of a capture: pcapng, as Wireshark and tshark read it.

Format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html. One section, one interface of raw IP packets
with times in nanoseconds. What came over TCP or TLS stands as one UDP packet for each SIP message; a packet's comment
says how it really went. A packet whose payload was left out is shorter than its original length says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from gateway.recording.packet import TRANSPORTS, Address, Kind, Packet

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_ORDER = 0x1A2B3C4D
_RAW_IP = 101
_COMMENT, _APPLICATION, _FLAGS, _RESOLUTION = 1, 4, 2, 9
_INBOUND, _OUTBOUND = 1, 2
_UDP = 17
_MOST_BYTES = 65_000
"""Of a message: IP and UDP count their own headers in sixteen bits."""
_PACKET_HEAD = struct.Struct("<IIIII")
RTP_HEAD_BYTES = 12
"""What is kept of a media packet whose payload is not."""


def opening(comment: str) -> bytes:
    """What a file begins with."""
    section = struct.pack("<IHHq", _ORDER, 1, 0, -1)
    section += _option(_COMMENT, comment.encode()) + _option(_APPLICATION, b"Parley") + _option(0, b"")
    interface = struct.pack("<HHI", _RAW_IP, 0, 0) + _option(_RESOLUTION, b"\x09") + _option(0, b"")
    return _block(_SECTION, section) + _block(_INTERFACE, interface)


def block(packet: Packet, *, kept: int | None = None) -> bytes:
    """A packet, as it is appended to a file.

    :param kept: only so many bytes of its data; None for all
    """
    data = packet.data[:_MOST_BYTES]
    source, destination = (packet.local, packet.remote) if packet.sent else (packet.remote, packet.local)
    head = _ip(source, destination, len(data))
    shown = head + (data if kept is None else data[:kept])
    high, low = divmod(packet.time_ns, 1 << 32)
    body = _PACKET_HEAD.pack(0, high, low, len(shown), len(head) + len(data)) + _padded(shown)
    body += _option(_FLAGS, struct.pack("<I", _OUTBOUND if packet.sent else _INBOUND))
    body += _option(_COMMENT, (packet.transport if packet.kind is Kind.SIP else packet.kind.name).encode())
    return _block(_PACKET, body + _option(0, b""))


def read(data: bytes) -> Iterator[Packet]:
    """The packets of a file of ours, but for a last one that was cut short by a crash."""
    at = 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if length < 12 or at + length > len(data):
            return
        if kind == _PACKET:
            yield _packet(data[at + 8 : at + length - 4])
        at += length


def _packet(body: bytes) -> Packet:
    _, high, low, captured, _ = _PACKET_HEAD.unpack_from(body)
    start = _PACKET_HEAD.size
    raw = body[start : start + captured]
    options = dict(_options(body[start + captured + -captured % 4 :]))
    said = options.get(_COMMENT, b"").decode()
    sent = options.get(_FLAGS, b"\x01")[0] == _OUTBOUND
    source, destination, payload = _of_ip(raw)
    local, remote = (source, destination) if sent else (destination, source)
    kind = Kind.SIP if said in TRANSPORTS else Kind[said]
    return Packet((high << 32) + low, kind, sent, local, remote, payload, said if kind is Kind.SIP else "UDP")


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == 0:
            return
        yield code, data[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4


def _of_ip(raw: bytes) -> tuple[Address, Address, bytes]:
    wide = raw[0] >> 4 == 6
    size, at, end = (16, 8, 40) if wide else (4, 12, 20)
    source, destination = struct.unpack_from(">HH", raw, end)
    hosts = raw[at : at + size], raw[at + size : at + 2 * size]
    return Address(hosts[0], source), Address(hosts[1], destination), raw[end + 8 :]


def _ip(source: Address, destination: Address, length: int) -> bytes:
    """Headers of IP and UDP. UDP's checksum is 0, which says that there is none."""
    udp = struct.pack(">HHHH", source.port, destination.port, length + 8, 0)
    if len(source.host) == 16:
        return struct.pack(">IHBB", 6 << 28, length + 8, _UDP, 64) + source.host + destination.host + udp
    head = struct.pack(">BBHHHBBH", 0x45, 0, length + 28, 0, 0, 64, _UDP, 0) + source.host + destination.host
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return head[:10] + struct.pack(">H", checksum) + head[12:] + udp


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
