"""Which packets of a call are written, and what of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.recording.capture import GUARD_NS, CallCapture, CaptureRules, PlainFile
from gateway.recording.ladder import ladder_of, shown
from gateway.recording.packet import Address, Kind, Packet
from gateway.recording.pcapng import block, opening, read
from gateway.recording.sealed import SealedContent, SealedFile
from tests.peers.tshark import fields

SECOND = 1_000_000_000
OURS, THEIRS = Address(bytes([192, 0, 2, 1]), 5060), Address(bytes([192, 0, 2, 7]), 5062)
SECRET = b"c2VjcmV0" * 5
SDP = (
    b"v=0\r\no=ann 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + SECRET + b"\r\na=fingerprint:sha-1 AB\r\n"
)
MEDIA = CaptureRules(media=True)


def message(
    head: str = "INVITE sip:4711@host SIP/2.0",
    body: bytes = b"",
    *,
    kind: str = "application/sdp",
    headers: str = "",
    at: float = 0,
    sent: bool = False,
    transport: str = "UDP",
) -> Packet:
    lines = f"{head}\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n{headers}Content-Type: {kind}\r\nContent-Length: {len(body)}"
    data = lines.encode() + b"\r\n\r\n" + body
    return Packet(round(at * SECOND), Kind.SIP, sent, OURS, THEIRS, data, transport, "one")


def sound(number: int, at: float = 0, *, sent: bool = False) -> Packet:
    data = b"\x80\x00" + number.to_bytes(2, "big") + bytes(4) + b"\0\0\0\7" + b"spoken" * 20
    return Packet(round(at * SECOND), Kind.RTP, sent, OURS, THEIRS, data)


@dataclass
class Captured:
    """A capture with a clock and a file of the test's own."""

    path: Path
    rules: CaptureRules = MEDIA
    hidden: bool = False
    now: float = 0
    full: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.capture = CallCapture(
            PlainFile(self.path), _at_once, self.rules, hidden=self.hidden,
            full=lambda: self.full.append(True), now_ns=lambda: round(self.now * SECOND),
        )  # fmt: skip

    def take(self, *packets: Packet) -> None:
        self.capture.take(packets)

    @property
    def written(self) -> list[Packet]:
        return list(read(self.path.read_bytes())) if self.path.exists() else []

    def closed(self) -> list[Packet]:
        self.capture.close()
        return self.written


def _at_once(job: Callable[[], object]) -> None:
    job()


def test_tshark_reads_the_messages_whatever_they_came_by(tmp_path: Path) -> None:
    file = tmp_path / "call.pcapng"
    wide = Address(bytes(15) + b"\1", 5061)
    packets = [
        message(body=SDP, at=1.5),
        message("SIP/2.0 200 OK", sent=True, at=1.75, transport="TLS"),
        Packet(2 * SECOND, Kind.SIP, True, wide, wide, message("BYE sip:x SIP/2.0").data, "TCP"),
    ]
    file.write_bytes(opening("a comment") + b"".join(map(block, packets)))
    names = ("frame.time_epoch", "sip.Method", "sip.Status-Code", "ip.src", "ipv6.src", "udp.dstport", "frame.comment")
    assert fields(file, *names, only="sip") == [
        ("1.500000000", "INVITE", "", "192.0.2.7", "", "5060", "UDP"),
        ("1.750000000", "", "200", "192.0.2.1", "", "5062", "TLS"),
        ("2.000000000", "BYE", "", "", "::1", "5061", "TCP"),
    ]
    assert not fields(file, "frame.number", only="_ws.malformed")


@given(
    packets=st.lists(
        st.builds(
            Packet,
            st.integers(0, 2**62), st.sampled_from([Kind.RTP, Kind.RTCP]), st.booleans(),
            st.builds(Address, st.binary(min_size=4, max_size=4), st.integers(0, 65535)),
            st.builds(Address, st.binary(min_size=4, max_size=4), st.integers(0, 65535)),
            st.binary(max_size=300),
        ),
        max_size=5,
    ),
    lost=st.integers(0, 40),
)  # fmt: skip
def test_what_is_written_is_read_again_and_a_torn_end_costs_the_last_packet_only(
    packets: list[Packet], lost: int
) -> None:
    whole = opening("") + b"".join(map(block, packets))
    assert list(read(whole)) == packets
    torn = list(read(whole[: len(whole) - lost]))
    assert torn == (packets[:-1] if 0 < lost <= 40 and packets else packets)


def test_packets_are_on_the_disk_before_the_call_is_over(tmp_path: Path) -> None:
    it = Captured(tmp_path / "c")
    it.take(message(at=10), sound(1, at=10.4))
    it.now = 10.5
    it.capture.flush()
    assert [packet.kind for packet in it.written] == [Kind.SIP], "what is younger may yet have to be hidden"
    it.now = 10.8
    it.capture.flush()
    assert len(it.written) == 2


def test_a_pause_hides_what_was_said_from_just_before_it_to_its_end(tmp_path: Path) -> None:
    it = Captured(tmp_path / "c")
    pressed = message("INFO sip:x SIP/2.0", b"Signal=5\r\nDuration=160\r\n", kind="application/dtmf-relay", at=10.5)
    it.take(sound(1, at=9.6), sound(2, at=9.8))
    it.now = 10
    it.capture.hide()
    it.take(sound(3, at=10.1), pressed, message(body=SDP, at=10.6))
    it.now = 11
    it.capture.show()
    it.take(sound(4, at=11.1))
    kept = it.closed()
    assert [b"spoken" in packet.data for packet in kept if packet.kind is Kind.RTP] == [True, False, False, True]
    assert [len(packet.data) for packet in kept][1] == 12
    info = next(packet.data for packet in kept if packet.data.startswith(b"INFO"))
    assert b"Signal" not in info
    assert len(info) == len(pressed.data), "its Content-Length is true"
    assert GUARD_NS == 300_000_000
    assert b"RTP/AVP 8" in kept[-2].data, "what is agreed on is no secret"


def test_before_consent_nothing_that_is_said_is_written(tmp_path: Path) -> None:
    it = Captured(tmp_path / "c", hidden=True)
    it.take(sound(1, at=1))
    it.now = 5
    it.capture.show()
    it.take(sound(2, at=6))
    assert [b"spoken" in packet.data for packet in it.closed()] == [False, True]


def test_neither_password_nor_key_can_be_found_out_unless_that_is_asked_for(tmp_path: Path) -> None:
    digest = (
        'Authorization: Digest username="ann", realm="pbx",\r\n nonce="n0nce", response="abc123", cnonce=xyz\r\n'
        "Proxy-Authorization: Bearer t0ken\r\n"
    )
    secret = message(body=SDP, headers=digest)
    masked = Captured(tmp_path / "masked")
    masked.take(secret)
    (kept,) = masked.closed()
    for word in (b"n0nce", b"abc123", b"xyz", b"t0ken", SECRET):
        assert word not in kept.data
    for word in (b'username="ann"', b'realm="pbx"', b"a=fingerprint:sha-1 AB", b"AES_CM_128_HMAC_SHA1_80"):
        assert word in kept.data
    assert len(kept.data) == len(secret.data)
    whole = Captured(tmp_path / "whole", CaptureRules(keys=True))
    whole.take(secret)
    assert whole.closed()[0].data == secret.data


def test_a_full_file_takes_the_messages_of_the_end_and_says_so_once(tmp_path: Path) -> None:
    it = Captured(tmp_path / "c", CaptureRules(media=True, most_bytes=1000))
    for number in range(20):
        it.take(sound(number, at=number))
        it.now = number + 1
        it.capture.flush()
    assert not it.capture.media, "nobody needs to collect more"
    it.take(message("BYE sip:x SIP/2.0", at=21), sound(21, at=21))
    kept = it.closed()
    assert len(kept) < 10
    assert kept[-1].data.startswith(b"BYE")
    assert it.full == [True]
    assert it.path.stat().st_size < 2500


def test_a_sealed_capture_is_read_with_its_key_only(tmp_path: Path) -> None:
    key = bytes(32)
    capture = CallCapture(SealedFile(tmp_path / "c", key), _at_once, CaptureRules(), now_ns=lambda: 9 * SECOND)
    for at in (1, 2):
        capture.take([message(at=at)])
        capture.flush()
    sealed = (tmp_path / "c").read_bytes()
    assert b"INVITE" not in sealed
    content = SealedContent(io.BytesIO(sealed), key).read()
    assert [packet.time_ns for packet in read(content)] == [SECOND, 2 * SECOND]


def test_the_ladder_tells_parties_repetitions_and_what_was_agreed_on() -> None:
    invite = message(body=SDP, at=1)
    again = Packet(2 * SECOND, Kind.SIP, False, OURS, THEIRS, invite.data, "UDP", "one")
    held = message("SIP/2.0 200 OK", SDP + b"a=sendonly\r\n", sent=True, at=2.5)
    other = Packet(3 * SECOND, Kind.SIP, True, OURS, Address(bytes([192, 0, 2, 8]), 5060), invite.data, "UDP", "two")
    heard = [sound(number % 65536, at=4 + number / 1e6) for number in (65534, 65535, 65537, 65538, 65538)]
    ladder = ladder_of([invite, again, held, other, *heard])
    assert ladder.parties == ("192.0.2.7:5062", "192.0.2.8:5060")
    assert [(one.at_ms, one.label, one.sdp, one.repeated) for one in ladder.messages] == [
        (0, "INVITE", "PCMA", False),
        (1000, "INVITE", "PCMA", True),
        (1500, "200 OK", "PCMA/sendonly", False),
        (2000, "INVITE", "PCMA", False),
    ]
    (stream,) = ladder.streams
    assert (stream.packets, stream.lost, stream.payload_type, stream.sent) == (5, 1, 0, False)
    assert shown(ladder)["streams"][0]["ssrc"] == "0x00000007"
