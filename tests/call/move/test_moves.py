"""A call goes on at another worker: real streams, scripted workers, a leg in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.call import conversation_link, endings
from gateway.call.move import life
from gateway.call.phrases import Phrase
from gateway.call.record import CallRecord
from gateway.link.v1 import link_pb2 as pb
from tests.call.house import GREETING, House, action, entry, greet, house, play, to_call
from tests.call.leg_double import MemoryLeg
from tests.link.worker_double import WorkerDouble, until

REST = b"\x44\x33" * 1600
LOUD = b"\x00\x10" * 160


def goes_on(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
    """As `greet`; a call that it takes over gets REST."""
    if event.HasField("start") and event.start.journal:
        yield pb.WorkerEvent(accepted=pb.Accepted())
        utterance = event.start.at_ms + 1
        yield pb.WorkerEvent(utterance=pb.Utterance(utterance=utterance, text="and more", interruptible=True, turn=1))
        yield pb.WorkerEvent(audio=pb.UtteranceAudio(utterance=utterance, pcm=REST, final=True))
    else:
        yield from greet(worker, event)


class Scene:
    """A live call whose greeting plays, and the workers that have it and do not."""

    def __init__(self, h: House, leg: MemoryLeg) -> None:
        self.house, self.leg = h, leg
        (self.call,) = h.gateway.calls.values()
        by_name = {worker.address: worker for worker in h.workers}
        self.first = by_name.pop(self.call.conversation.worker or "")
        (self.second,) = by_name.values() or [self.first]

    def learns(self, kind: str, **data: object) -> None:
        to_call(self.first, entry(self.call.now_ms, kind, **data))

    async def learned(self, kind: str) -> None:
        await until(lambda: any(one.kind == kind for one in self.call.journal.entries))

    async def opening(self) -> pb.StartCall:
        """How the call came to the second worker."""
        await until(lambda: [one for one in self.second.got("start") if one.start.journal])
        return next(one.start for one in self.second.got("start") if one.start.journal)

    def noted(self, kind: str) -> list[Any]:
        return [one.data for one in self.call.journal.entries if one.kind == kind]

    async def record(self) -> CallRecord:
        self.leg.end()
        return await self.house.record()


async def live(h: House, *phrases: Phrase) -> Scene:
    await h.with_phrases(*phrases)
    leg = await h.live()
    scene = Scene(h, leg)
    scene.learns("utterance", utterance=1, turn=1, text="hello there")
    await scene.learned("utterance")
    return scene


def playouts(start: pb.StartCall) -> list[dict[str, Any]]:
    return [json.loads(one.json) for one in start.journal if one.kind == "playout"]


async def test_what_is_here_plays_on_and_the_next_worker_says_the_rest(tmp_path: Path) -> None:
    async with house(tmp_path, goes_on, goes_on) as h:
        scene = await live(h)
        await play(scene.leg, 5)
        scene.first.die()
        start = await scene.opening()
        (playout,) = playouts(start)
        assert playout | {"position": 0} == {
            "utterance": 1,
            "text": "hello there",
            "turn": 1,
            "interruptible": True,
            "filler": False,
            "position": 0,
            "until": len(GREETING) // 2,
            "complete": True,
            "words": [],
            "pace": round(len(GREETING) // 2 / (len("hello there") + 1), 1),
        }
        assert playout["position"] == 5 * 160
        assert start.at_ms == 5 * 20
        await scene.learned("worker")
        await play(scene.leg, 40)
        assert scene.leg.heard() == GREETING + REST
        record = await scene.record()
    assert record.end_reason == endings.CUSTOMER_ENDED
    assert record.failure is None


async def test_what_is_not_whole_ends_with_a_word(tmp_path: Path) -> None:
    def half(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
        if event.HasField("answered") and worker.call_id(event.call) != "phrase":
            yield pb.WorkerEvent(utterance=pb.Utterance(utterance=1, text="one two three", interruptible=True, turn=1))
            times = [("one", 0, 800), ("two", 800, 1600), ("three", 1600, 2400)]
            words = [pb.Word(text=text, start=start, end=end) for text, start, end in times]
            yield pb.WorkerEvent(words=pb.Words(utterance=1, words=words))
            yield pb.WorkerEvent(audio=pb.UtteranceAudio(utterance=1, pcm=GREETING, final=False))
            yield pb.WorkerEvent(utterance=pb.Utterance(utterance=2, text="four", interruptible=True, turn=1))
        else:
            yield from goes_on(worker, event)

    async with house(tmp_path, half, half) as h:
        scene = await live(h)
        scene.first.die()
        playout, unsaid = playouts(await scene.opening())
        assert (playout["until"], playout["complete"]) == (3200, False)
        assert (unsaid["utterance"], unsaid["until"], unsaid["complete"]) == (2, 0, False)


async def test_the_caller_is_not_lost_meanwhile_and_what_was_told_is_told_again(tmp_path: Path) -> None:
    async with house(tmp_path, goes_on, goes_on) as h:
        scene = await live(h)
        await play(scene.leg, 5)
        scene.call.control({"type": "control", "control": "mute-assistant"})
        for _ in scene.leg.frames(10, LOUD):
            pass
        assert scene.leg.listener is not None
        scene.leg.listener.on_hold(True)
        scene.first.die()
        await until(lambda: scene.call.conversation.worker == scene.second.address)
        scene.leg.frame(LOUD)
        start = await scene.opening()
        assert (start.backlog.at_ms, len(start.backlog.pcm)) == (0, 15 * 320)
        await until(lambda: scene.second.got("audio"))
        assert scene.second.got("audio")[0].audio.at_ms == 15 * 20
        assert [one.hold.held for one in scene.second.got("hold")] == [True]
        assert [json.loads(one.control.json)["control"] for one in scene.second.got("control")] == ["mute-assistant"]


async def test_a_worker_that_gives_a_call_back_is_followed_by_another(tmp_path: Path) -> None:
    async with house(tmp_path, goes_on, goes_on) as h:
        scene = await live(h)
        await play(scene.leg, 25)
        scene.learns("agent-turn", turn=1, text="hello there", heard="hello there", interrupted=False)
        to_call(scene.first, pb.WorkerEvent(yielded=pb.Yielded()))
        assert playouts(await scene.opening()) == []
        await scene.learned("moved")
        assert scene.noted("moved") == [
            {"from": scene.first.address, "to": scene.second.address, "because": "drain", "gap_ms": 0}
        ]
        (note,) = [note for note in (await scene.record()).notes if note["event"] == "moved"]
        assert (note["because"], note["to"]) == ("drain", scene.second.address)


async def test_a_session_that_failed_is_continued_by_another_worker(tmp_path: Path) -> None:
    async with house(tmp_path, goes_on, goes_on) as h:
        scene = await live(h)
        failure = pb.Failure(reason="pipeline-error-custom-voice-failed", detail="The voice failed.")
        to_call(scene.first, pb.WorkerEvent(failure=failure))
        await scene.opening()
        await until(lambda: scene.call.conversation.worker == scene.second.address)
        # and again, in the same way: another worker would fail, too
        number = next(one.call for one in scene.second.got("start") if one.start.journal)
        scene.second.send(pb.WorkerEvent(call=number, failure=failure))
        await scene.learned("failure")
        await play(scene.leg, 60)
        assert (await h.record()).end_reason == "pipeline-error-custom-voice-failed"


async def test_silence_is_covered_while_no_worker_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path, goes_on) as h:
        scene = await live(h, Phrase.APOLOGY, Phrase.COMFORT)
        await play(scene.leg, 25)
        scene.learns("agent-turn", turn=1, text="hello there", heard="hello there", interrupted=False)
        scene.learns("caller-turn", turn=2, text="what now", start_ms=0, end_ms=100)
        await scene.learned("caller-turn")
        monkeypatch.setattr(life, "PATIENCE_SECONDS", 1.0)
        scene.first.die()
        await until(lambda: scene.call.moves.moving)
        await play(scene.leg, 34)
        assert scene.leg.heard() == GREETING
        await play(scene.leg, 11)
        assert scene.leg.heard() == GREETING + b"\x33\x22" * 800
        assert {"event": "comfort"} in scene.noted("note")
        await scene.learned("failure")
        await play(scene.leg, 60)
        assert (await h.record()).end_reason == endings.WORKER_DIED


async def test_the_worker_is_told_what_is_on_disk(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        scene = await live(h)
        scene.learns("tool-call", turn=1, id="a", name="order", arguments={})
        await until(lambda: scene.first.got("kept") and scene.first.got("kept")[-1].kept.entries == 2)
        await asyncio.sleep(0)


async def test_the_worker_is_not_told_of_what_is_only_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_link, "KEEP_AGAIN_SECONDS", 0.01)
    async with house(tmp_path, greet) as h:
        scene = await live(h)
        takes = False
        await until(lambda: scene.first.got("kept") and scene.first.got("kept")[-1].kept.entries == 1)
        before = len(scene.first.got("kept"))

        async def durable() -> bool:
            return takes

        monkeypatch.setattr(scene.call.journal, "durable", durable)
        scene.learns("tool-call", turn=1, id="a", name="order", arguments={})
        await until(lambda: len(scene.first.got("kept")) > before + 1)
        assert {event.kept.entries for event in scene.first.got("kept")[before:]} == {0}
        takes = True
        await until(lambda: scene.first.got("kept")[-1].kept.entries == 2)


async def test_an_action_under_way_is_not_done_again_for_the_next_worker_which_is_told_how_it_went(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, goes_on, goes_on) as h:
        scene = await live(h)
        to_call(scene.first, action("call:t-1", send_digits=pb.SendDigits(digits="12")))
        await until(lambda: scene.leg.digits)
        scene.first.die()
        await scene.opening()
        await scene.learned("worker")
        number = next(one.call for one in scene.second.got("start") if one.start.journal)
        again = action("call:t-1", send_digits=pb.SendDigits(digits="12"))
        again.call = number
        scene.second.send(again)
        await until(lambda: scene.second.got("action_result"))
        (result,) = [one.action_result for one in scene.second.got("action_result")]
        assert (result.action, result.ok, scene.leg.digits) == ("call:t-1", True, ["12"])
