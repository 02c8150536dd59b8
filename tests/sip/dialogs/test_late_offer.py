"""INVITE without SDP: our 200 offers, the ACK answers (RFC 3261 section 13.2.1, RFC 6337 section 2.2)."""

from __future__ import annotations

import time

import pytest

from tests.sip.dialogs.stream import forget_received, media, speaking
from tests.sip.exchange import Exchange
from tests.sip.party import Party

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-01", peer="scripted party", transport="udp"),
]


async def test_an_answer_in_the_ack_gets_media_both_ways_within_200_ms(ours: Exchange, ann: Party) -> None:
    ann.request("INVITE")
    offer = await ann.response(200, "INVITE")
    assert "m=audio" in offer.body
    async with speaking(ann, media(offer)):
        forget_received(ann)
        ann.request("ACK", body=ann.sdp())
        acknowledged = time.monotonic_ns()
        told = await ours.call()
        await ann.rtp_received.get()
        sent = time.monotonic_ns()
        await told.until(lambda one: any(any(frame.caller) for frame in one.frames), "the caller's audio")
    heard = next(frame for frame in told.frames if any(frame.caller))
    assert (sent - acknowledged) / 1e6 <= 200
    assert (heard.captured_ns - acknowledged) / 1e6 <= 200
    await ann.bye()


HEAD = "v=0\r\no=ann 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
GARBAGE = {
    "missing": "",
    "no sdp": "v=0\r\nhello",
    "no common codec": f"{HEAD}m=audio 4000 RTP/AVP 18\r\n",
    "refused stream": f"{HEAD}m=audio 0 RTP/AVP 0\r\n",
    "no stream": HEAD,
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
async def test_an_ack_without_a_good_answer_ends_the_call_within_a_second(
    ours: Exchange, ann: Party, answer: str
) -> None:
    ann.request("INVITE")
    await ann.response(200, "INVITE")
    ann.request("ACK", body=answer)
    acknowledged = time.monotonic()
    bye = await ann.incoming("BYE")
    assert time.monotonic() - acknowledged <= 1
    ann.respond(bye, "200 OK")
    told = await ours.call()
    assert (await told.event("ended"))[2] is False, "it is we who end it"
