"""Offers of every kind, made by Hypothesis: what is answered is a subset of what was offered, in its order."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st

from tests.sip.dialogs.offers import HEAD, judge, offers, sections
from tests.sip.dialogs.stream import speaking
from tests.sip.exchange import PATIENCE, Exchange
from tests.sip.party import LOOPBACK, Party, party

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-02", peer="scripted party", transport="udp"),
    pytest.mark.scenario("INV-03", peer="scripted party", transport="udp"),
]
AT_ONCE = 5
LAX = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
"""An example takes as long as a call, and all go to one endpoint."""
EVENTS_ALONE = "m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-16\r\n"
REFUSED = {
    "events alone": EVENTS_ALONE,
    "no codec of ours": "m=audio 5004 RTP/AVP 18\r\n",
    "switched off": "m=audio 0 RTP/AVP 0\r\n",
    "encrypted": "m=audio 5004 RTP/SAVP 0\r\n",
    "video": "m=video 5004 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n",
}


async def offered(ann: Party, offer: str) -> tuple[int, str]:
    """INVITE with this offer, and the end of the call that comes of it."""
    ann.request("INVITE", body=offer)
    final = await ann.expect(lambda one: one.status >= 200 and one.method == "INVITE", "a final answer")
    ann.to = final.message.first("to")
    if final.status >= 300:
        ann.request("ACK", same_transaction=True)
        return final.status, ""
    contact = final.message.first("contact")
    ann.remote = contact[contact.index("<") + 1 : contact.index(">")]
    ann.request("ACK")
    await ann.bye()
    return final.status, final.body


async def assert_answered(ours: Exchange, offer: str) -> None:
    async with party(ours.address) as ann:
        status, answer = await offered(ann, offer)
    assert not judge(offer, status, answer), f"{offer}\n--- {status}\n{answer}"
    ours.calls.clear()


@settings(LAX, max_examples=150)
@seed(20261123)
@given(offer=offers())
@example(offer=HEAD + EVENTS_ALONE + "m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n")
async def test_any_offer_gets_an_answer_that_is_a_subset_of_it_or_488(ours: Exchange, offer: str) -> None:
    await assert_answered(ours, offer)


@pytest.mark.parametrize("before", REFUSED.values(), ids=REFUSED)
async def test_audio_behind_a_section_that_is_refused_goes_both_ways(ours: Exchange, ann: Party, before: str) -> None:
    answer = await ann.call(body=f"{HEAD}{before}m=audio {ann.rtp_port} RTP/AVP 0\r\n")
    refused, taken = sections(answer.body)
    assert not refused.port
    told = await ours.call()
    async with speaking(ann, (LOOPBACK, taken.port)):
        await told.until(lambda one: any(any(frame.caller) for frame in one.frames), "the caller's voice")
    async with asyncio.timeout(PATIENCE):
        _, source = await ann.rtp_received.get()
    assert source == (LOOPBACK, taken.port)
    await ann.bye()


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(LAX, max_examples=50_000 // AT_ONCE)
@seed(20261124)
@given(batch=st.lists(offers(), min_size=AT_ONCE, max_size=AT_ONCE))
async def test_fifty_thousand_offers(ours: Exchange, batch: list[str]) -> None:
    await asyncio.gather(*(assert_answered(ours, offer) for offer in batch))
