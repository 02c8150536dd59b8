"""What calls send and receive, collected on the wire and read again by tshark."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.call.leg import Leg
from gateway.recording.capture import CallCapture, CaptureRules, PlainFile
from tests.peers.tshark import fields
from tests.sip.exchange import Exchange, exchange
from tests.sip.party import Party, party

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPOKEN = b"\x42" * 160
PACKETS = 10


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint() -> AsyncIterator[Exchange]:
    async with exchange(recording={"packets": True}) as running:
        yield running


@pytest.fixture
def ours(endpoint: Exchange) -> Exchange:
    endpoint.calls.clear()
    return endpoint


def at_once(job: Callable[[], object]) -> None:
    job()


def capturing(ours: Exchange, file: Path) -> list[CallCapture]:
    """Each call that comes is captured into the file."""
    made = []

    async def answer(leg: Leg) -> None:
        capture = CallCapture(PlainFile(file), at_once, CaptureRules(media=True))
        made.append(capture)
        leg.capture(capture)
        await leg.answer()

    ours.answering = answer
    return made


async def speak(ann: Party, address: tuple[str, int], first: int = 0) -> None:
    for index in range(first, first + PACKETS):
        ann.speak(index, address=address, payload=SPOKEN)
        await asyncio.sleep(0.02)


async def close(captures: list[CallCapture]) -> None:
    # the last messages of a call are collected within a tenth of a second
    await asyncio.sleep(0.3)
    captures[0].close()


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
        await close(captures)
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
