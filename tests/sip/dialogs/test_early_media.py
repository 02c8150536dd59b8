"""What the far end plays before it answers is heard and kept, and is no answer (RFC 3960)."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.sip.dialogs.stream import listening, media, speaking
from tests.sip.dialogs.trunked import dial, set_trunk
from tests.sip.exchange import Exchange, Told
from tests.sip.party import Party, party

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-08", peer="scripted party", transport="udp"),
]
EARLY_MS, SWITCH_MS = 100, 60
RELIABLE = ("Require: 100rel", "RSeq: 1")


def heard(told: Told) -> list[int]:
    """Ticks in which something came."""
    return [frame.tick for frame in told.frames if any(frame.caller)]


@pytest.mark.parametrize("reliable", [True, False], ids=["PRACK", "no PRACK"])
@pytest.mark.parametrize("direction", ["sendrecv", "sendonly"])
async def test_early_audio_is_heard_at_once_and_is_no_answer(
    ours: Exchange, ann: Party, reliable: bool, direction: str
) -> None:
    await set_trunk(ours, ann)
    told, invite = await dial(ours, ann)
    ann.respond(invite, "183 Session Progress", headers=RELIABLE if reliable else (), body=ann.sdp(direction=direction))
    if reliable:
        ann.respond(await ann.incoming("PRACK"), "200 OK")
    began = time.monotonic_ns()
    async with speaking(ann, media(invite)):
        await told.until(lambda one: len(heard(one)) >= 10, "early audio")
        first = next(frame for frame in told.frames if any(frame.caller))
        early_ms = (first.captured_ns - began) / 1e6
        assert {name for name, _ in told.events} == {"ringing"}
        # a reliable response has settled the session (RFC 3262 section 5)
        ann.respond(invite, "200 OK", body="" if reliable else ann.sdp())
        await ann.incoming("ACK")
        await told.event("answered")
    print(f"early audio after {early_ms:.0f} ms")
    assert early_ms <= EARLY_MS
    await told.leg.hangup()


async def test_an_answer_from_elsewhere_with_another_codec(ours: Exchange, ann: Party) -> None:
    await set_trunk(ours, ann)
    told, invite = await dial(ours, ann)
    ann.respond(invite, "183 Session Progress", body=ann.sdp())
    async with party(ours.address) as bob, listening(bob) as ear:
        async with speaking(ann, media(invite)):
            await told.until(lambda one: len(heard(one)) >= 10, "early audio")
            ann.respond(invite, "200 OK", body=bob.sdp(payloads="8 101"))
            await ann.incoming("ACK")
        async with speaking(bob, media(invite), kind=8):
            count = len(heard(told))
            await told.until(lambda one: len(heard(one)) >= count + 10, "audio of the answer")
    assert ear.packets[-1][1][1] & 0x7F == 8, "we send to where the answer says"
    gap_ms = (max(b - a for a, b in itertools.pairwise(heard(told))) - 1) * 20
    print(f"gap at the answer {gap_ms} ms")
    assert gap_ms <= SWITCH_MS
    assert [frame.tick for frame in told.frames] == list(range(len(told.frames))), "the clock goes on"
    await told.leg.hangup()


async def test_a_refusal_after_early_media(ours: Exchange, ann: Party) -> None:
    await set_trunk(ours, ann)
    told, invite = await dial(ours, ann)
    ann.respond(invite, "183 Session Progress", body=ann.sdp())
    await told.until(lambda one: len(one.frames) >= 5, "ticks")
    assert {name for name, _ in told.events} == {"ringing"}
    ann.respond(invite, "486 Busy Here")
    await ann.incoming("ACK")
    assert (await told.event("ended"))[0] == 486
