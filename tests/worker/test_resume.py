"""A conversation goes on at another worker, from what the first one journalled."""

from __future__ import annotations

from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_BYTES
from tests.worker.peer import PeerCall, attached, served
from tests.worker.test_conversation import LONG, answered, assistant, greeted


def go_on(call: PeerCall, successor: PeerCall, plan: dict[str, object], **fields: object) -> None:
    """Open `successor` as the gateway does when the worker of `call` is lost."""
    successor.tick_count = call.tick_count
    successor.answered = True
    successor.start(plan, journal=call.of("journal"), at_ms=call.now, **fields)


async def test_what_was_not_heard_is_said_and_what_was_heard_is_not_said_again() -> None:
    plan = assistant(firstMessage=LONG)
    async with served() as (_, first), served() as (_, second):
        async with attached(first) as peer:
            call = await answered(peer, plan)
            await call.until(lambda: call.playing and call.playing.position > 4000)
        async with attached(second) as peer:
            successor = peer.call()
            go_on(call, successor, plan)
            await successor.until(lambda: len(successor.journal("agent-turn")) == 2)

    begun, rest = successor.journal("agent-turn")
    assert begun["heard"].split() + rest["heard"].split() == LONG.split()
    assert 1 <= len(begun["heard"].split()) <= 6, "half a second of it was played"
    assert min(successor.utterances) > max(call.utterances), "ids go on rising"


async def test_a_turn_that_nobody_answered_is_answered(speech: bytes) -> None:
    plan = assistant(model={"delay_ms": 60_000})
    async with served() as (_, first), served() as (_, second):
        async with attached(first) as peer:
            call = await greeted(peer, plan)
            call.speak(speech)
            await call.until(lambda: call.journal("caller-turn"))
        async with attached(second) as peer:
            successor = peer.call()
            go_on(call, successor, assistant())
            await successor.until(lambda: successor.texts() == ["You said what time is it."])
    assert not successor.journal("caller-turn"), "the turn is in the journal already"


async def test_caller_audio_that_nobody_understood_is_heard_by_the_next_worker(speech: bytes) -> None:
    plan = assistant()
    async with served() as (_, first), served() as (_, second):
        async with attached(first) as peer:
            call = await greeted(peer, plan)
            start = call.now
            end = call.speak(speech)
            await call.until(lambda: call.now >= end)
        async with attached(second) as peer:
            successor = peer.call()
            frames = -(-len(speech) // FRAME_BYTES)
            backlog = pb.CallerAudio(at_ms=start, pcm=speech.ljust(frames * FRAME_BYTES, b"\0"))
            go_on(call, successor, plan, backlog=backlog)
            await successor.until(lambda: successor.texts() == ["You said what time is it."])


async def test_a_call_that_owes_nothing_just_goes_on(speech: bytes) -> None:
    plan = assistant()
    async with served() as (_, first), served() as (_, second):
        async with attached(first) as peer:
            call = await greeted(peer, plan)
            call.speak(speech)
            await call.until(lambda: len(call.journal("agent-turn")) == 2)
        async with attached(second) as peer:
            successor = peer.call()
            go_on(call, successor, plan)
            await successor.until(lambda: successor.of("accepted"))
            successor.speak(speech)
            await successor.until(lambda: successor.journal("agent-turn"))
    assert successor.texts() == ["You said what time is it."]
    assert successor.journal("caller-turn")[0]["turn"] == 2
