"""A worker that is asked for a call gives it back at a moment that suits the call."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.link.v1 import link_pb2 as pb
from gateway.worker import giving_back
from gateway.worker.giving_back import LONGEST_SECONDS, suits
from tests.worker.peer import PeerCall, attached, served
from tests.worker.test_conversation import answered, assistant, greeted


@dataclass(frozen=True)
class Moment:
    between_turns: bool = False
    acts: bool = False
    goes_on: bool = True


@pytest.mark.parametrize(
    ("moment", "waited_seconds", "suited"),
    [
        (Moment(between_turns=True), 0, True),
        (Moment(), 0, False),
        (Moment(), LONGEST_SECONDS, True),
        (Moment(between_turns=True, acts=True), 0, False),
        (Moment(acts=True), 10 * LONGEST_SECONDS, False),
    ],
)
def test_between_turns_or_late_but_never_while_something_is_done(
    moment: Moment, waited_seconds: float, suited: bool
) -> None:
    assert suits(moment, waited_seconds) is suited


async def given_back(call: PeerCall) -> None:
    """The worker gives the call back, after which nothing of it comes."""
    call.send(give_back=pb.GiveBack())
    await call.until(lambda: call.of("yielded"))
    assert call.events[-1].HasField("yielded")


async def test_a_call_in_which_nobody_speaks_is_given_back_and_goes_on_at_another_worker(speech: bytes) -> None:
    async with (
        served() as (first, address),
        served() as (_, other),
        attached(address) as peer,
        attached(other) as next_,
    ):
        call = await greeted(peer, assistant())
        await given_back(call)
        await call.until(lambda: first.load().active_calls == 0)
        moved = await answered(next_, assistant(), journal=call.of("journal"), at_ms=call.now)
        moved.speak(speech)
        await moved.until(lambda: moved.journal("agent-turn"))
        assert moved.texts() == ["You said what time is it."], "it is not greeted again"


async def test_what_is_being_said_is_said_to_its_end_first() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, assistant(firstMessage="one two three four five six"))
        await call.until(lambda: call.playing and call.playing.position)
        await given_back(call)
        (turn,) = call.journal("agent-turn")
        assert turn["heard"] == "one two three four five six"


async def test_a_call_without_a_pause_is_given_back_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(giving_back, "LONGEST_SECONDS", 0.3)
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, assistant(firstMessage=" ".join(["word"] * 60)))
        await call.until(lambda: call.playing and call.playing.position)
        await given_back(call)
        assert not call.journal("agent-turn")
        assert not call.of("cut"), "what is there of it plays on"


async def test_a_call_that_is_asked_for_and_ends_is_not_given_back() -> None:
    async with served() as (worker, address), attached(address) as peer:
        call = await answered(peer, assistant(firstMessage=" ".join(["word"] * 60)))
        await call.until(lambda: call.playing and call.playing.position)
        call.send(give_back=pb.GiveBack())
        call.end()
        await call.until(lambda: worker.load().active_calls == 0)
        assert not call.of("yielded")
