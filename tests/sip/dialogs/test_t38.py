"""A fax machine wants T.38: it is refused, and the call goes on as it was (RFC 3261 section 14.2)."""

from __future__ import annotations

import asyncio

import pytest

from tests.sip.dialogs.stream import Ear, listening, media, speaking
from tests.sip.exchange import Exchange
from tests.sip.party import Party, Received

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-06", peer="scripted party", transport="udp"),
]
HEAD = "v=0\r\no=ann 1 9 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
FAX = "m=image 40100 udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxRateManagement:transferredTCF\r\n"
NO_AUDIO = "m=audio 0 RTP/AVP 0\r\n"


async def offered(ours: Exchange, ann: Party, body: str) -> tuple[Received, Ear]:
    """A call into which this offer comes: the final answer, and what was sent to the caller around it."""
    answer = await ann.call()
    told = await ours.call()
    await told.event("answered")
    async with listening(ann) as ear, speaking(ann, media(answer)):
        await asyncio.sleep(0.1)
        ann.request("INVITE", body=body)
        final = await ann.expect(lambda one: one.status >= 200 and one.method == "INVITE", "a final answer")
        ann.request("ACK", same_transaction=final.status >= 300)
        before = len(told.frames)
        await told.until(
            lambda one: sum(any(frame.caller) for frame in one.frames[before:]) >= 10, "the caller's audio"
        )
    assert not told.all("ended")
    assert not told.all("hold")
    await ann.bye()
    return final, ear


@pytest.mark.parametrize("body", [FAX, NO_AUDIO + FAX, FAX + NO_AUDIO], ids=["alone", "after audio", "before audio"])
async def test_fax_in_place_of_audio_is_refused_and_audio_goes_on(ours: Exchange, ann: Party, body: str) -> None:
    final, ear = await offered(ours, ann, HEAD + body)
    assert final.status == 488
    assert ear.longest_gap_ms() <= 40


async def test_fax_beside_audio_is_left_out_of_the_answer(ours: Exchange, ann: Party) -> None:
    audio = f"m=audio {ann.rtp_port} RTP/AVP 0\r\n"
    final, ear = await offered(ours, ann, HEAD + audio + FAX)
    lines = [line for line in final.body.splitlines() if line.startswith("m=")]
    assert lines[0].startswith("m=audio ")
    assert lines[1:] == ["m=image 0 udptl t38"]
    assert ear.longest_gap_ms() <= 40
