"""What calls send and receive, collected on the wire and read again by tshark."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.call.attempts import Failure
from gateway.call.leg import Leg
from gateway.recording.capture import CallCapture, CaptureRules, PlainFile
from gateway.recording.ladder import ladder_of
from gateway.recording.packet import Kind
from gateway.recording.pcapng import read
from tests.peers.certificates import Authority
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.tshark import fields
from tests.sip.exchange import Exchange, exchange
from tests.sip.gateway_double import gateway_double
from tests.sip.party import Party, party
from tests.sip.srtp import Keys, keys_of
from tests.sip.stream_party import stream_party
from tests.sip.stream_peer import client_context, server_context

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPOKEN = b"\x42" * 160
PACKETS = 10
WITH_MEDIA = CaptureRules(media=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint(authority: Authority) -> AsyncIterator[Exchange]:
    issued = authority.issue("parley", hosts=[LOOPBACK])
    files = {"certificate_file": issued.certificate_file, "key_file": issued.key_file, "ca_file": authority.ca_file}
    tls = {"port": free_port(), **files}
    async with exchange(
        recording={"packets": True}, sip={"transports": ["udp", "tls"], "tls": tls, "srtp": "preferred"}
    ) as running:
        yield running


@pytest.fixture
def ours(endpoint: Exchange) -> Exchange:
    endpoint.calls.clear()
    return endpoint


def at_once(job: Callable[[], object]) -> None:
    job()


def capturing(ours: Exchange, file: Path, rules: CaptureRules = WITH_MEDIA) -> list[CallCapture]:
    """Each call that comes is captured into the file."""
    made: list[CallCapture] = []

    async def answer(leg: Leg) -> None:
        capture = CallCapture(PlainFile(file), at_once, rules)
        made.append(capture)
        leg.capture(capture)
        await leg.answer()

    ours.answering = answer
    return made


async def speak(ann: Party, address: tuple[str, int], first: int = 0) -> None:
    for index in range(first, first + PACKETS):
        ann.speak(index, address=address, payload=SPOKEN)
        await asyncio.sleep(0.02)


async def close(capture: CallCapture, file: Path, *last: str) -> None:
    """Once these messages, the last of the call, are in the file: they are collected ten times a second, and wait."""
    async with asyncio.timeout(10):
        while labels(file)[-len(last) :] != list(last):  # noqa: ASYNC110  another thread writes it
            await asyncio.sleep(0.05)
    capture.close()


def labels(file: Path) -> list[str]:
    """Of the messages in it, each once; none before it is begun."""
    if not file.exists():
        return []
    return [one.label for one in ladder_of(read(file.read_bytes())).messages if not one.repeated]


async def test_a_call_is_read_by_tshark_with_its_messages_repetitions_and_media(ours: Exchange, tmp_path: Path) -> None:
    file = tmp_path / "call.pcapng"
    captures = capturing(ours, file)
    async with party(ours.address) as ann:
        invite = ann.request("INVITE", body=ann.sdp())
        answer = await ann.response(200, "INVITE")
        ann.raw(invite.encode())
        ann.request("ACK")
        await (await ours.call()).event("answered")
        await speak(ann, answer.media_address)
        await ann.bye()
        await close(captures[0], file, "BYE", "200 OK")
    told = fields(file, "sip.Method", "sip.Status-Code", "udp.srcport", "udp.dstport", only="sip")
    near, far = ours.address.rpartition(":")[2], str(ann.port)
    assert [row[:2] for row in told].count(("INVITE", "")) == 2, "the repetition, too"
    assert ("INVITE", "", far, near) in told
    assert ("", "200", near, far) in told
    assert [row[0] or row[1] for row in told][-2:] == ["BYE", "200"]
    media = fields(file, "rtp.ssrc", "rtp.payload", only="rtp")
    assert media.count(("0x00001234", SPOKEN.hex())) == PACKETS
    assert any(row[0] != "0x00001234" for row in media), "ours"
    assert not fields(file, "frame.number", only="_ws.malformed")


async def test_while_the_recording_is_paused_no_sound_and_no_key_is_captured(ours: Exchange, tmp_path: Path) -> None:
    file = tmp_path / "call.pcapng"
    captures = capturing(ours, file)
    async with party(ours.address) as ann:
        answer = await ann.call()
        told = await ours.call()
        captures[0].hide()
        await speak(ann, answer.media_address)
        ann.request("INFO", headers=("Content-Type: application/dtmf-relay",), body="Signal=7\r\nDuration=160\r\n")
        await ann.response(200, "INFO")
        await told.event("digit")
        captures[0].show()
        await asyncio.sleep(0.05)
        await speak(ann, answer.media_address, PACKETS)
        await ann.bye()
        await close(captures[0], file, "BYE", "200 OK")
    kept = list(read(file.read_bytes()))
    assert [SPOKEN in one.data for one in kept if one.kind is Kind.RTP and not one.sent].count(True) == PACKETS
    assert sum(one.kind is Kind.RTP and len(one.data) == 12 for one in kept) >= PACKETS
    assert b"Signal" not in file.read_bytes()
    assert any(message.label == "INFO" for message in ladder_of(kept).messages)


async def test_an_encrypted_call_over_tls_is_captured_without_its_keys(
    ours: Exchange, authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "call.pcapng"
    captures = capturing(ours, file)
    server = server_context(authority.issue("ann", hosts=[LOOPBACK]), clients_of=authority)
    keys = Keys(bytes(range(30)))
    at = f"{LOOPBACK}:{ours.settings.sip.tls.port if ours.settings.sip.tls else 0}"
    async with stream_party(at, host=LOOPBACK, server=server, client=client_context()) as ann:
        answer = await ann.call(body=f"{ann.sdp().replace('RTP/AVP', 'RTP/SAVP')}{keys.line}\r\n")
        await (await ours.call()).event("answered")
        for index in range(PACKETS):
            head = bytes([0x80, 0]) + (1000 + index).to_bytes(2, "big") + (index * 160).to_bytes(4, "big")
            ann.rtp.sendto(keys.protect(head + b"\x00\x00\x12\x34" + SPOKEN), answer.media_address)
            await asyncio.sleep(0.02)
        await ann.bye()
        await close(captures[0], file, "BYE", "200 OK")
    written = file.read_bytes()
    for line in (keys.line, keys_of(answer.body).line):
        assert line.partition("inline:")[2].encode() not in written
    assert SPOKEN not in written
    ladder = ladder_of(read(written))
    assert [one.label for one in ladder.messages if not one.sent] == ["INVITE", "ACK", "BYE"]
    assert {one.transport for one in ladder.messages} == {"TLS"}
    assert [(one.ssrc, one.packets) for one in ladder.streams if not one.sent] == [("0x00001234", PACKETS)]
    assert len(fields(file, "sip.Method", only="sip")) == len(ladder.messages)


async def test_every_attempt_of_a_call_of_ours_is_in_its_capture(ours: Exchange, tmp_path: Path) -> None:
    file = tmp_path / "call.pcapng"
    capture = CallCapture(PlainFile(file), at_once, WITH_MEDIA)
    failures: asyncio.Queue[Failure] = asyncio.Queue()

    def goes_on(failure: Failure) -> bool:
        failures.put_nowait(failure)
        return failure.status == 486

    async with gateway_double() as busy, gateway_double() as other:
        other.call_status = "603 Decline"
        leg = await ours.endpoint.dial(f"sip:4711@{busy.name}")
        leg.capture(capture)
        leg.on_failure(goes_on)
        async with asyncio.timeout(5):
            await failures.get()
            await ours.endpoint.redial(leg, f"sip:4711@{other.name}", trunk=None, gateway=None, caller=None)
            await failures.get()
        await close(capture, file, "603 Decline", "ACK")
    ladder = ladder_of(read(file.read_bytes()))
    assert ladder.parties == (busy.name, other.name)
    assert len({one.call_id for one in ladder.messages}) == 2
    assert labels(file) == [*("INVITE", "486 Busy Here", "ACK"), *("INVITE", "603 Decline", "ACK")]
