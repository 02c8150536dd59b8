"""The far end puts us on hold in every form there is, and takes us back (RFC 3264 section 8.4, RFC 2543 section B)."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sip.dialogs.stream import forget_received, media, speaking
from tests.sip.exchange import Exchange, Told
from tests.sip.party import Party, Received, party

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.scenario("INV-04", peer="scripted party", transport="udp"),
]
ZEROS = "0.0.0.0"
BACK_MS = 100
VOICE = b"\x00\x20\x00\xe0" * 12_000


@dataclass(frozen=True, slots=True)
class Form:
    """What the far end offers to hold and to take back, and which directions may answer the first."""

    hold: Callable[[Party], str]
    resume: Callable[[Party], str]
    legal: frozenset[str]


def _plain(ann: Party) -> str:
    return ann.sdp()


def _bare(ann: Party) -> str:
    return ann.sdp(direction="")


ANY = frozenset({"sendrecv", "recvonly", "inactive"})
FORMS = {
    "sendonly": Form(lambda ann: ann.sdp(direction="sendonly"), _plain, frozenset({"recvonly"})),
    "inactive": Form(lambda ann: ann.sdp(direction="inactive"), _plain, frozenset({"inactive"})),
    "zeros": Form(lambda ann: ann.sdp(connection=ZEROS, direction=""), _bare, ANY),
    "zeros and inactive": Form(
        lambda ann: ann.sdp(connection=ZEROS, direction="inactive"), _plain, frozenset({"inactive"})
    ),
    "zeros and sendonly": Form(
        lambda ann: ann.sdp(connection=ZEROS, direction="sendonly"), _bare, frozenset({"recvonly", "inactive"})
    ),
    "sendonly, back without direction": Form(lambda ann: ann.sdp(direction="sendonly"), _bare, frozenset({"recvonly"})),
}


async def cycle(
    ann: Party, told: Told, form: Form, change_by: Callable[[Party, str], Coroutine[Any, Any, Received]]
) -> float:
    """One hold and one resume, each told; how long after our answer the agent's audio was back, ms."""
    count = len(told.all("hold"))
    held = await change_by(ann, form.hold(ann))
    assert held.direction in form.legal
    await told.until(lambda one: one.all("hold")[count:] == [(True,)], "hold")
    await asyncio.sleep(0.03)
    forget_received(ann)
    position = told.leg.queued()
    await asyncio.sleep(0.06)
    assert told.leg.queued() == position, "what is being said stands still"
    assert ann.rtp_received.empty(), "who has put us on hold does not hear us"
    back = await change_by(ann, form.resume(ann))
    answered = time.monotonic()
    assert back.direction == "sendrecv"
    await asyncio.wait_for(ann.rtp_received.get(), 3)
    waited_ms = (time.monotonic() - answered) * 1000
    await told.until(lambda one: one.all("hold")[count:] == [(True,), (False,)], "resume")
    return waited_ms


async def begin(ours: Exchange, ann: Party) -> tuple[Received, Told]:
    answer = await ann.call()
    told = await ours.call(len(ours.calls) - 1 if ours.calls else 0)
    await told.event("answered")
    return answer, told


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("change_by", [Party.reinvite, Party.update], ids=["re-INVITE", "UPDATE"])
async def test_hold_and_back_while_the_agent_speaks(
    ours: Exchange, ann: Party, form: Form, change_by: Callable[[Party, str], Coroutine[Any, Any, Received]]
) -> None:
    _, told = await begin(ours, ann)
    told.leg.play(1, 0, VOICE, final=True)
    await told.until(lambda one: any(frame.utterance for frame in one.frames), "the agent's voice")
    waits = [await cycle(ann, told, form, change_by) for _ in range(2)]
    print(f"audio back after {max(waits):.0f} ms")
    assert max(waits) <= BACK_MS
    assert [frame.tick for frame in told.frames] == list(range(len(told.frames))), "the clock goes on"
    positions = [frame.position for frame in told.frames if frame.utterance]
    assert all(b - a in (0, 160) for a, b in itertools.pairwise(positions)), "nothing is skipped or said twice"
    assert not told.all("ended")
    await ann.bye()


async def test_music_on_hold_is_not_the_caller(ours: Exchange, ann: Party) -> None:
    answer, told = await begin(ours, ann)
    async with speaking(ann, media(answer)):
        await told.until(lambda one: any(any(frame.caller) for frame in one.frames), "the caller")
        await ann.reinvite(ann.sdp(direction="sendonly"))
        await told.event("hold")
        since = len(told.frames) + 2
        await told.until(lambda one: len(one.frames) >= since + 15, "ticks")
        assert not any(any(frame.caller) for frame in told.frames[since:])
        await ann.reinvite(ann.sdp())
        since = len(told.frames)
        await told.until(lambda one: any(any(frame.caller) for frame in one.frames[since:]), "the caller")
    await ann.bye()


async def test_a_call_that_begins_on_hold(ours: Exchange, ann: Party) -> None:
    answer = await ann.call(body=ann.sdp(direction="sendonly"))
    assert answer.direction == "recvonly"
    told = await ours.call()
    await told.event("hold")
    await told.event("answered")
    assert (await ann.reinvite(ann.sdp())).direction == "sendrecv"
    await told.until(lambda one: one.all("hold") == [(True,), (False,)], "resume")
    await ann.bye()


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_two_hundred_cycles_of_each_form(ours: Exchange) -> None:
    async def cycles(form: Form) -> float:
        async with party(ours.address) as ann:
            answer = await ann.call()
            told = ours.calls[-1]
            assert told.leg.info.signalling_id == ann.call_id
            await told.event("answered")
            waits = []
            async with speaking(ann, media(answer)):
                for index in range(200):
                    waits.append(await cycle(ann, told, form, Party.update if index % 2 else Party.reinvite))
                    assert not told.all("ended")
            await ann.bye()
            return max(waits)

    worst = [await cycles(form) for form in FORMS.values()]
    print(f"audio back after at most {[round(one) for one in worst]} ms, no call lost")
    assert max(worst) <= BACK_MS
