"""A conversation goes on at another worker, from what the first one journalled."""

from __future__ import annotations

import json

from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_BYTES
from tests.worker.peer import PeerCall, PlayedUtterance, attached, served
from tests.worker.test_conversation import LONG, answered, assistant, greeted


def go_on(call: PeerCall, successor: PeerCall, plan: dict[str, object], **fields: object) -> None:
    """Open `successor` as the gateway does when the worker of `call` is lost: what is here of its speech plays on."""
    successor.tick_count = call.tick_count
    successor.answered = True
    successor.utterances = {one.id: one for one in call.utterances.values() if one.samples and not one.over}
    journal = [*call.of("journal"), *(_playout(one, call.now) for one in call.utterances.values())]
    for one in successor.utterances.values():
        one.complete = True
    successor.start(plan, journal=journal, at_ms=call.now, **fields)


def _playout(one: PlayedUtterance, at_ms: int) -> pb.JournalEntry:
    data = {"utterance": one.id, "text": one.text, "position": one.position, "until": one.samples}
    return pb.JournalEntry(
        at_ms=at_ms, kind="playout", json=json.dumps({**data, "complete": one.complete, "words": []})
    )


async def test_what_sounds_still_is_the_beginning_of_what_the_next_worker_says() -> None:
    plan = assistant(firstMessage=LONG)
    async with served() as (_, first), served() as (_, second):
        async with attached(first) as peer:
            call = await answered(peer, plan)
            await call.until(lambda: call.playing and call.playing.position > 4000)
            begun = [one.text for one in call.utterances.values() if one.complete]
        async with attached(second) as peer:
            successor = peer.call()
            go_on(call, successor, plan)
            await successor.until(lambda: successor.journal("agent-turn"))

    (said,) = successor.journal("agent-turn")
    assert begun, "the voice was ahead of what was heard"
    assert said["heard"].split() == said["text"].split() == LONG.split()
    new = [one for one in successor.utterances.values() if one.id not in call.utterances]
    assert " ".join([*begun, *(one.text for one in new)]).split() == LONG.split(), "nothing is said twice"
    assert min((one.id for one in new), default=1 << 40) > max(call.utterances), "ids go on rising"


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
