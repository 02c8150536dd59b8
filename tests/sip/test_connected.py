"""Calls that hear each other, a shared agent, sound for who waits; and another party in the place of ours."""

from __future__ import annotations

import asyncio
import audioop
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from gateway.call.leg import LegFrame
from gateway.errors import LegError
from gateway.media.audio import FRAME_SAMPLES, SAMPLE_BYTES
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.party import LOOPBACK, Party, Received, party

LOUD_PACKET = bytes([0x00, 0x80] * 80)
LOUD = b"\x00\x40\x00\xc0" * (FRAME_SAMPLES // 2)
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-16", peer="scripted party", transport="udp"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ours() -> AsyncIterator[Exchange]:
    async with exchange() as running:
        yield running


class Caller:
    """A party in a call with us, which speaks or is silent, and knows what it heard last."""

    def __init__(self, party: Party, answer: Received, told: Told) -> None:
        self.party, self.told = party, told
        self.loud = False
        self._address = (LOOPBACK, int(answer.body.split("m=audio ")[1].split(" ")[0]))
        self._heard: list[bool] = []

    async def live(self) -> None:
        index = 0
        while True:
            payload = LOUD_PACKET if self.loud else b"\xff" * 160
            self.party.speak(index, address=self._address, payload=payload)
            while not self.party.rtp_received.empty():
                packet, _ = self.party.rtp_received.get_nowait()
                if packet[1] & 0x7F == 0:
                    self._heard.append(audioop.rms(audioop.ulaw2lin(packet[12:], SAMPLE_BYTES), SAMPLE_BYTES) > 1000)
            index += 1
            await asyncio.sleep(0.02)

    async def hears(self, sound: bool) -> None:
        """Six packets in a row are loud, or quiet."""
        await self._settles(lambda: self._heard[-6:] == [sound] * 6, f"{'sound' if sound else 'silence'} in RTP")

    async def is_heard(self, sound: bool) -> None:
        """By its agent."""
        await self._settles(
            lambda: [_loud(frame) for frame in self.told.frames[-6:]] == [sound] * 6, f"{sound} at the agent"
        )

    async def _settles(self, reached: Callable[[], bool], what: str) -> None:
        self._heard.clear()
        self.told.frames.clear()
        for _ in range(200):
            if reached():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{what} did not come")


def _loud(frame: LegFrame) -> bool:
    return audioop.rms(frame.caller, SAMPLE_BYTES) > 1000


@asynccontextmanager
async def caller(ours: Exchange) -> AsyncIterator[Caller]:
    async with party(ours.address) as ann:
        index = len(ours.calls)
        answer = await ann.call()
        told = await ours.call(index)
        await told.event("answered")
        one = Caller(ann, answer, told)
        living = asyncio.create_task(one.live())
        try:
            yield one
        finally:
            living.cancel()
            if not told.all("ended"):
                await told.leg.hangup()


async def test_two_calls_hear_each_other_until_they_are_parted(ours: Exchange) -> None:
    async with caller(ours) as ann, caller(ours) as bob:
        ann.loud = True
        await ann.is_heard(True)
        await bob.hears(False)
        await ann.told.leg.join(bob.told.leg)
        await bob.hears(True)
        await bob.is_heard(False)
        ann.loud, bob.loud = False, True
        await ann.hears(True)
        await ann.is_heard(False)
        await bob.told.leg.part(ann.told.leg)
        await ann.hears(False)


async def test_calls_that_were_joined_hear_each_other_after_hold_and_another_codec(ours: Exchange) -> None:
    async with caller(ours) as ann, caller(ours) as bob:
        bob.loud = True
        await ann.told.leg.join(bob.told.leg)
        await ann.hears(True)
        await ann.party.reinvite(ann.party.sdp(direction="inactive"))
        await ann.told.event("hold")
        await ann.party.reinvite(ann.party.sdp())
        await ann.hears(True)
        await bob.party.reinvite(bob.party.sdp(payloads="8 101"))
        await bob.party.reinvite(bob.party.sdp())
        await ann.hears(True)


async def test_what_is_played_to_one_is_heard_by_the_other_only_when_it_shares_the_agent(ours: Exchange) -> None:
    async with caller(ours) as ann, caller(ours) as bob:
        ann.told.leg.play(1, 0, LOUD * 150, final=True)
        await ann.hears(True)
        await bob.hears(False)
        await bob.told.leg.hears_agent_of(ann.told.leg, True)
        await bob.hears(True)
        bob.loud = True
        await ann.is_heard(True)
        ann.told.leg.flush()
        await ann.hears(False)
        await bob.told.leg.hears_agent_of(ann.told.leg, False)
        await ann.is_heard(False)


async def test_sound_for_who_waits_goes_round_and_counts_for_no_utterance(ours: Exchange) -> None:
    async with caller(ours) as ann:
        await ann.told.leg.background(LOUD * 3)
        await ann.hears(True)
        assert all(frame.utterance == 0 for frame in ann.told.frames)
        await ann.party.reinvite(ann.party.sdp(direction="sendonly"))
        await ann.party.reinvite(ann.party.sdp())
        await ann.hears(True)
        await ann.told.leg.background(b"")
        await ann.hears(False)


async def test_a_call_without_sound_is_not_joined(ours: Exchange) -> None:
    async with caller(ours) as ann, caller(ours) as bob:
        await bob.party.bye()
        await bob.told.event("ended")
        with pytest.raises(LegError, match="no sound"):
            await ann.told.leg.join(bob.told.leg)


async def test_another_party_takes_the_place_of_the_caller_and_the_agent_goes_on(ours: Exchange) -> None:
    async with caller(ours) as ann, party(ours.address) as eve:
        ann.told.leg.arm_pause(False)
        ann.told.leg.play(1, 0, LOUD * 150, final=False)
        await ann.hears(True)
        ours_tag = ann.party.to.rpartition("tag=")[2]
        replaces = f"Replaces: {ann.party.call_id};to-tag={ours_tag};from-tag={ann.party.tag}"
        count = len(ours.calls)
        answer = await eve.call(headers=(replaces,))
        ann.party.respond(await ann.party.incoming("BYE"), "200 OK")
        (info,) = await ann.told.event("replaced")
        assert "sip:ann@" in info.caller
        heir = Caller(eve, answer, ann.told)
        living = asyncio.create_task(heir.live())
        before = ann.told.frames[-1].tick if ann.told.frames else 0
        heir.loud = True
        await heir.hears(True)
        await heir.is_heard(True)
        assert ann.told.frames[-1].tick > before, "the call clock goes on"
        assert len(ours.calls) == count
        assert not ann.told.all("ended")
        await eve.bye()
        await ann.told.event("ended")
        living.cancel()


async def test_a_wrong_tag_replaces_nobody(ours: Exchange) -> None:
    async with caller(ours) as ann, party(ours.address) as eve:
        eve.request(
            "INVITE", body=eve.sdp(), headers=(f"Replaces: {ann.party.call_id};to-tag=x;from-tag={ann.party.tag}",)
        )
        await eve.response(481, "INVITE")
        assert not ann.told.all("replaced")
