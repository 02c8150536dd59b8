"""What happens inside a call: hold, other codecs, digits, transfer, requests that are refused."""

from __future__ import annotations

import asyncio
import audioop
import time

import pytest

from gateway.errors import LegError
from gateway.media.audio import SAMPLE_BYTES
from tests.sip.exchange import Told, exchange
from tests.sip.party import LOOPBACK, Party, Received, party

CONCEALMENT_MS = 5
"""What pjmedia keeps back of G.711, in its first tick too."""


def rtp_port(answer: Received) -> int:
    return int(answer.body.split("m=audio ")[1].split(" ")[0])


async def flows_again(told: Told, ann: Party) -> None:
    """RTP comes, and ticks go on."""
    before = len(told.frames)
    await told.until(lambda one: len(one.frames) >= before + 5, "more frames")
    while not ann.rtp_received.empty():
        ann.rtp_received.get_nowait()
    for _ in range(5):
        await asyncio.wait_for(ann.rtp_received.get(), 3)


@pytest.mark.parametrize(
    ("offer", "answered"), [("sendonly", "recvonly"), ("inactive", "inactive")], ids=["sendonly", "inactive"]
)
async def test_hold_is_answered_told_and_taken_back(offer: str, answered: str) -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.event("answered")
        assert (await ann.reinvite(ann.sdp(direction=offer))).direction == answered
        await told.until(lambda one: one.all("hold") == [(True,)], "hold")
        held_at = len(told.frames)
        await told.until(lambda one: len(one.frames) >= held_at + 10, "ticks on hold")
        assert (await ann.reinvite(ann.sdp())).direction == "sendrecv"
        await told.until(lambda one: one.all("hold") == [(True,), (False,)], "resume")
        await flows_again(told, ann)
        assert [frame.tick for frame in told.frames] == list(range(len(told.frames)))
        await ann.bye()


async def test_the_old_form_of_hold_with_an_address_of_zeros() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        assert (await ann.reinvite(ann.sdp(connection="0.0.0.0"))).direction in ("recvonly", "inactive", "sendrecv")
        await told.until(lambda one: one.all("hold") == [(True,)], "hold")
        await ann.reinvite(ann.sdp())
        await told.until(lambda one: one.all("hold") == [(True,), (False,)], "resume")
        await flows_again(told, ann)
        await ann.bye()


async def test_what_is_queued_waits_while_on_hold() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.until(lambda one: len(one.frames) > 2, "frames")
        await ann.reinvite(ann.sdp(direction="sendonly"))
        await told.event("hold")
        told.leg.play(1, 0, b"\x10\x00" * 1600, final=True)
        before = len(told.frames)
        await told.until(lambda one: len(one.frames) >= before + 20, "ticks on hold")
        assert told.leg.queued() == 1600
        await ann.reinvite(ann.sdp())
        await told.until(lambda one: any(frame.finished for frame in one.frames), "the utterance's end")
        await ann.bye()


async def test_another_codec_by_reinvite() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        assert " 8" in (await ann.reinvite(ann.sdp(payloads="8 101"))).body
        await flows_again(told, ann)
        packet, _ = await asyncio.wait_for(ann.rtp_received.get(), 3)
        assert packet[1] & 0x7F == 8
        figures = await told.leg.statistics()
        assert figures is not None
        assert figures.codec == "PCMA"
        assert not told.all("hold")
        await ann.bye()


async def test_a_reinvite_without_an_offer_gets_ours_and_the_call_goes_on() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        ann.request("INVITE")
        assert "m=audio" in (await ann.response(200, "INVITE")).body
        ann.request("ACK", body=ann.sdp())
        await flows_again(told, ann)
        await ann.bye()


async def test_an_offer_that_we_cannot_take_leaves_the_call_as_it_was() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        ann.request("INVITE", body=ann.sdp(payloads="18"))
        await ann.response(488, "INVITE")
        ann.request("ACK", same_transaction=True)
        await flows_again(told, ann)
        await ann.bye()


async def test_a_digit_is_told_once_for_its_whole_event() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        answer = await ann.call()
        told = await ours.call()
        address = (LOOPBACK, rtp_port(answer))
        for key, start in ((1, 0), (11, 30)):
            for index in range(10):
                end = 0x80 if index >= 7 else 0
                event = bytes([key, end | 10]) + (160 * (min(index, 7) + 1)).to_bytes(2, "big")
                packet = bytes([0x80, 101 | (0x80 if index == 0 else 0)]) + (1000 + start + index).to_bytes(2, "big")
                ann.rtp.sendto(packet + (160 * start).to_bytes(4, "big") + b"\x00\x00\x12\x34" + event, address)
                await asyncio.sleep(0.02)
        await told.until(lambda one: len(one.all("digit")) >= 2, "digits")
        assert told.all("digit") == [("1",), ("#",)]
        await ann.bye()


async def test_a_digit_by_info() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        ann.request("INFO", body="Signal=5\r\nDuration=160\r\n", headers=("Content-Type: application/dtmf-relay",))
        await ann.response(200, "INFO")
        assert await told.event("digit") == ("5",)
        await ann.bye()


async def test_digits_go_out_as_events() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.event("answered")
        await told.leg.send_digits("1#")
        keys: list[int] = []
        while len(keys) < 2:
            packet, _ = await asyncio.wait_for(ann.rtp_received.get(), 3)
            if packet[1] & 0x7F == 101 and packet[12] not in keys:
                keys.append(packet[12])
        assert keys == [1, 11]
        await ann.bye()


async def test_what_is_no_digit_is_an_error() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.event("answered")
        with pytest.raises(LegError, match="cannot be sent as digits"):
            await told.leg.send_digits("1x")
        await ann.bye()


async def test_digits_by_info_go_out_one_by_one() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.event("answered")
        sending = asyncio.create_task(told.leg.send_digits("4#", info=True))
        for digit in "4#":
            request = await ann.incoming("INFO")
            assert request.message.first("content-type") == "application/dtmf-relay"
            assert request.body.startswith(f"Signal={digit}\r\n")
            ann.respond(request, "200 OK")
        await sending
        await ann.bye()


@pytest.mark.parametrize("method", ["INFO", "MESSAGE", "NOTIFY"])
async def test_a_request_inside_the_dialog_gets_its_answer(method: str) -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.event("answered")
        for status, reason in ((200, "OK"), (488, "Not Acceptable Here")):
            sending = asyncio.create_task(told.leg.send_request(method, {"X-Intent": "pay"}, "{}", "application/json"))
            request = await ann.incoming(method)
            assert request.message.first("x-intent") == "pay"
            assert (request.message.first("content-type"), request.body) == ("application/json", "{}")
            ann.respond(request, f"{status} {reason}")
            assert await sending == (status, reason)
        await ann.bye()


async def test_a_request_whose_call_ends_is_answered_by_us() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        told = await ours.call()
        await told.event("answered")
        sending = asyncio.create_task(told.leg.send_request("INFO", {}, "x", "text/plain"))
        await ann.incoming("INFO")
        await ann.bye()
        assert (await sending)[0] == 481


async def test_the_wait_in_the_jitter_buffer_is_that_from_a_packet_to_its_tick() -> None:
    """One loud packet among quiet ones shows what the wait truly was."""
    loud, quiet = bytes([0x00, 0x80] * 80), b"\xff" * 160
    async with exchange() as ours, party(ours.address) as ann:
        address = (LOOPBACK, rtp_port(await ann.call()))
        told = await ours.call()
        await told.event("answered")
        started, sent_ns = time.monotonic(), 0
        for index in range(100, 200):
            await asyncio.sleep(max(0.0, started + (index - 100) * 0.02 - time.monotonic()))
            if index == 180:
                sent_ns = time.monotonic_ns()
            ann.speak(index, address=address, payload=loud if index == 180 else quiet)
        await told.until(lambda one: any(_loud(frame.caller) for frame in one.frames), "the loud packet")
        loudest = next(frame for frame in told.frames if _loud(frame.caller))
        said = told.leg.waited_ms(loudest.tick)
        assert said is not None
        assert abs(said - CONCEALMENT_MS - (loudest.captured_ns - sent_ns) / 1e6) < 12
        await told.until(lambda one: one.frames[-1].tick > loudest.tick + 40, "silence")
        assert told.leg.waited_ms(told.frames[-1].tick) is None, "the far end sends nothing"
        assert told.leg.waited_ms(-1) is None
        await ann.bye()
        await told.event("ended")
    assert told.leg.waited_ms(loudest.tick) is None


def _loud(pcm: bytes) -> bool:
    return audioop.rms(pcm, SAMPLE_BYTES) > 3000
