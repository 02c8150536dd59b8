"""Inbound calls as the wire sees them."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from gateway.errors import LegError
from tests.sip.exchange import exchange
from tests.sip.party import LOOPBACK, party


async def ring(leg: Any) -> None:
    """Leave it ringing."""


async def test_a_call_is_rung_answered_and_ended_by_the_caller() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ann.request("INVITE", body=ann.sdp(), headers=("X-Order: 17", "P-Asserted-Identity: <sip:ann@pbx>"))
        await ann.response(180, "INVITE")
        answer = await ann.response(200, "INVITE")
        ann.request("ACK")
        told = await ours.call()
        await told.event("answered")
        await told.until(lambda one: len(one.frames) >= 10, "frames")
        await ann.bye()
        assert await told.event("ended") == (200, "Normal call clearing", True)
        assert [name for name, _ in told.events] == ["answered", "ended"]
        assert [frame.tick for frame in told.frames] == list(range(len(told.frames)))
        assert "m=audio" in answer.body
        assert "m=text" not in answer.body
        info = told.leg.info
        assert (info.number, info.trunk, info.signalling_id) == ("4711", None, ann.call_id)
        assert info.caller == f"sip:ann@{LOOPBACK}:{ann.port}"
        assert info.headers == {"X-Order": "17", "P-Asserted-Identity": "<sip:ann@pbx>"}


async def test_rtp_flows_without_a_gap_from_answer_on_though_nobody_plays() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        packets = [(await asyncio.wait_for(ann.rtp_received.get(), 3))[0] for _ in range(25)]
        sequence = [int.from_bytes(packet[2:4], "big") for packet in packets]
        times = [int.from_bytes(packet[4:8], "big") for packet in packets]
        assert sequence == [(sequence[0] + index) % 65536 for index in range(25)]
        assert {later - earlier for earlier, later in itertools.pairwise(times)} == {160}
        assert {packet[12:] for packet in packets} == {b"\xff" * 160}
        await ann.bye()


async def test_a_public_address_is_what_the_far_end_is_told() -> None:
    async with exchange(sip={"public_address": "203.0.113.7"}) as ours:
        assert ours.address.startswith("203.0.113.7:")
        async with party(f"{LOOPBACK}:{ours.settings.sip.port}") as ann:
            answer = await ann.call()
            assert "c=IN IP4 203.0.113.7" in answer.body
            assert "203.0.113.7" in answer.message.first("contact")


async def test_opus_keeps_its_clock_on_the_wire_though_it_is_coded_at_the_telephones_rate() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        offer = ann.sdp(payloads="96 101").replace("a=fmtp:101", "a=rtpmap:96 opus/48000/2\r\na=fmtp:101")
        assert "opus/48000/2" in (await ann.call(body=offer)).body
        packets = [(await asyncio.wait_for(ann.rtp_received.get(), 3))[0] for _ in range(20)]
        times = [int.from_bytes(packet[4:8], "big") for packet in packets if packet[1] & 0x7F == 96]
        assert {(later - earlier) % 2**32 for earlier, later in itertools.pairwise(times)} == {960}
        await ann.bye()


async def test_what_was_played_comes_back_in_the_frames_and_on_the_wire() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.until(lambda one: len(one.frames) > 2, "frames")
        pcm = (1000).to_bytes(2, "little") * 1600
        assert told.leg.play(7, 0, pcm, final=True) == 1600
        await told.until(lambda one: any(frame.finished for frame in one.frames), "the utterance's end")
        played = [frame for frame in told.frames if frame.utterance == 7]
        assert played[-1].position == 1600
        assert sum(len(frame.agent.replace(b"\x00\x00", b"")) // 2 for frame in played) == 1600
        await ann.bye()


async def test_cancel_before_answer_ends_the_leg() -> None:
    async with exchange(ring) as ours, party(ours.address) as ann:
        ann.request("INVITE", body=ann.sdp())
        await ann.response(180, "INVITE")
        told = await ours.call()
        dialog_to, ann.to = ann.to, ""
        ann.request("CANCEL")
        await ann.response(200, "CANCEL")
        await ann.response(487, "INVITE")
        ann.to = dialog_to
        ann.request("ACK", same_transaction=True)
        status, _, by_remote = await told.event("ended")
        assert (status, by_remote) == (487, True)
        with pytest.raises(LegError, match=r"hung up|ended"):
            await told.leg.answer()


async def test_late_offer_is_answered_with_an_offer_and_media_starts_with_the_ack() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ann.request("INVITE")
        offer = await ann.response(200, "INVITE")
        assert " 0 8 " in f"{offer.body} "
        ann.request("ACK", body=ann.sdp())
        told = await ours.call()
        await told.event("answered")
        await told.until(lambda one: len(one.frames) >= 5, "frames")
        await ann.bye()
        await told.event("ended")


async def test_a_session_timer_is_accepted_and_one_too_short_is_422() -> None:
    async with exchange() as ours, party(ours.address) as ann, party(ours.address) as bob:
        timer = ("Supported: timer", "Session-Expires: 1800;refresher=uac")
        answer = (await ann.call(headers=timer)).message
        assert answer.first("session-expires") == "1800;refresher=uac"
        await ann.bye()
        bob.request("INVITE", body=bob.sdp(), headers=("Supported: timer", "Session-Expires: 30", "Min-SE: 30"))
        assert int((await bob.response(422, "INVITE")).message.first("min-se")) >= 90


async def test_no_common_codec_is_488_and_no_leg_appears() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ann.request("INVITE", body=ann.sdp(payloads="18"))
        await ann.response(488, "INVITE")
        ann.request("ACK", same_transaction=True)
        assert not ours.calls


async def test_a_retransmitted_invite_makes_no_second_leg() -> None:
    async with exchange(ring) as ours, party(ours.address) as ann:
        text = ann.request("INVITE", body=ann.sdp())
        await ann.response(180, "INVITE")
        for _ in range(3):
            ann.raw(text.encode())
            await ann.response(180, "INVITE")
        await ours.call()
        assert len(ours.calls) == 1


async def test_it_does_not_ring_before_the_call_is_taken() -> None:
    decided = asyncio.Event()

    async def refuse(leg: Any) -> None:
        await decided.wait()
        await leg.refuse(404)

    async with exchange(refuse) as ours, party(ours.address) as ann:
        ours.alerting = False
        text = ann.request("INVITE", body=ann.sdp())
        for _ in range(3):
            await ann.response(100, "INVITE")
            ann.raw(text.encode())
        decided.set()
        refusal = await ann.expect(lambda one: one.status > 100, "a refusal")
        assert refusal.status == 404
        ann.request("ACK", same_transaction=True)


async def test_a_refusal_carries_status_retry_after_and_the_true_reason() -> None:
    async def refuse(leg: Any) -> None:
        await leg.refuse(503, retry_after=7, reason='no "worker" free')

    async with exchange(refuse) as ours, party(ours.address) as ann:
        ann.request("INVITE", body=ann.sdp())
        refusal = await ann.response(503, "INVITE")
        ann.request("ACK", same_transaction=True)
        assert refusal.message.first("retry-after") == "7"
        assert refusal.message.first("warning") == r'399 parley "no \"worker\" free"'
        assert (await (await ours.call()).event("ended"))[2] is False


async def test_over_capacity_is_503_with_retry_after_and_the_next_call_is_taken() -> None:
    async with exchange(sip={"max_calls": 1}) as ours, party(ours.address) as ann:
        await ann.call()
        async with party(ours.address) as bob:
            bob.request("INVITE", body=bob.sdp())
            assert (await bob.response(503, "INVITE")).message.first("retry-after")
            bob.request("ACK", same_transaction=True)
        await ann.bye()
        await ours.calls[0].event("ended")
        async with party(ours.address) as bob:
            await bob.call()
            await bob.bye()
        assert len(ours.calls) == 2


async def test_while_draining_new_calls_get_503_and_live_ones_go_on() -> None:
    async with exchange() as ours, party(ours.address) as ann, party(ours.address) as bob:
        await ann.call()
        told = await ours.call()
        ours.endpoint.stop_accepting()
        bob.request("INVITE", body=bob.sdp())
        assert (await bob.response(503, "INVITE")).message.first("retry-after")
        bob.request("ACK", same_transaction=True)
        before = len(told.frames)
        await told.until(lambda one: len(one.frames) >= before + 5, "more frames")
        await ann.bye()


async def test_a_hang_up_by_us_is_a_bye_with_its_reason() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.event("answered")
        hanging_up = asyncio.create_task(told.leg.hangup("silence-timed-out"))
        bye = await ann.incoming("BYE")
        ann.respond(bye, "200 OK")
        await hanging_up
        assert bye.message.first("reason") == 'SIP;cause=200;text="silence-timed-out"'
        assert (await told.event("ended"))[1:] == ("silence-timed-out", False)
        await told.leg.hangup()
        assert len(told.all("ended")) == 1


async def test_statistics_stay_after_the_end() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        answer = await ann.call()
        told = await ours.call()
        port = int(answer.body.split("m=audio ")[1].split(" ")[0])
        for index in range(20):
            ann.speak(index, address=(LOOPBACK, port))
            await asyncio.sleep(0.02)
        during = await told.leg.statistics()
        await ann.bye()
        await told.event("ended")
        after = await told.leg.statistics()
        assert during is not None
        assert after is not None
        assert (after.codec, after.packets_received, after.packets_lost) == ("PCMU", 20, 0)
        assert after.packets_sent >= during.packets_sent >= 15
