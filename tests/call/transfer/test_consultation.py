"""A transfer assistant's part, its worker scripted: what it decides, and what happens when it or the agent is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.call.transfer.decision import CANCELLED, MAX_DURATION, NOT_TAKEN, SILENCE, TAKEN
from gateway.link.v1 import link_pb2 as pb
from tests.call.house import entry, greet
from tests.call.transfer.test_handover import Scene, transfer
from tests.link.worker_double import WorkerDouble, until

pytestmark = pytest.mark.scenario("INV-16", peer="leg in memory", transport="none")
PLAN: dict[str, Any] = {"mode": "warm-transfer-experimental", "transferAssistant": {"model": {"provider": "dialogue"}}}
TALK = json.dumps({"model": {"provider": "dialogue"}})
USED = [{"stage": "voice", "provider": "tone", "characters": 20}]


def talks(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
    """As `greet`; says something to the human of a transfer."""
    if not is_talk(worker, event):
        yield from greet(worker, event)
        return
    match event.WhichOneof("event"):
        case "start":
            yield pb.WorkerEvent(accepted=pb.Accepted())
        case "answered":
            yield entry(100, "agent-turn", text="Ann calls.", heard="Ann calls.")
            yield entry(900, "caller-turn", text="Who is that?", start_ms=300, end_ms=800)
            yield entry(900, "usage", rows=USED)


def apart(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
    """As `talks`, but not on the worker that has the caller."""
    if event.HasField("start") and is_talk(worker, event) and has_caller(worker):
        yield pb.WorkerEvent(refused=pb.Refused(reason="it has the caller"))
    else:
        yield from talks(worker, event)


def has_caller(worker: WorkerDouble) -> bool:
    return any(worker.call_id(one.call) != "phrase" for one in worker.got("answered"))


def is_talk(worker: WorkerDouble, event: pb.GatewayEvent) -> bool:
    started = {one.call: one.start.call_id for one in worker.got("start")}
    return started.get(event.call, "").endswith("-transfer-1")


def assistant(scene: Scene) -> WorkerDouble:
    """Its worker, once it has the conversation."""
    return next(one for one in scene.house.workers if any(is_talk(one, event) for event in one.got("answered")))


async def talking(scene: Scene) -> None:
    """The human has answered, and the two have spoken."""
    scene.answers()
    await until(lambda: sum(one.kind == "transfer-talk" for one in scene.call.journal.entries) == 2)


def hangs_up(scene: Scene, reason: str) -> None:
    worker = assistant(scene)
    event = pb.WorkerEvent(action=pb.Action(action="a1", hangup=pb.Hangup(reason=reason)))
    event.call = next(one.call for one in worker.got("start") if is_talk(worker, one))
    worker.send(event)


async def test_who_agrees_is_connected_and_the_assistants_part_is_over(tmp_path: Path) -> None:
    async with transfer(tmp_path, [talks], TALK, **PLAN) as scene:
        await talking(scene)
        assert scene.caller.joined == []
        hangs_up(scene, TAKEN)
        assert (await scene.result())[0]
        assert scene.caller.joined == [scene.human]
        worker = assistant(scene)
        await until(lambda: [one for one in worker.got("end") if is_talk(worker, one)])
        assert scene.statuses == ["requested", "answered", "connected"]


@pytest.mark.parametrize(
    ("reason", "status", "ended"),
    [
        (NOT_TAKEN, "cancelled", CANCELLED),
        ("assistant-ended-call", "cancelled", CANCELLED),
        ("silence-timed-out", "no-answer", SILENCE),
        ("exceeded-max-duration", "cancelled", MAX_DURATION),
    ],
)
async def test_however_else_it_ends_the_caller_is_with_the_agent(
    tmp_path: Path, reason: str, status: str, ended: str
) -> None:
    async with transfer(tmp_path, [talks], TALK, **PLAN) as scene:
        await talking(scene)
        hangs_up(scene, reason)
        assert not (await scene.result())[0]
        reasons = {one.action_result.reason for one in scene.agent.got("action_result")}
        assert ended in reasons
        await scene.back_with_agent()
        assert scene.statuses == ["requested", "answered", status]


async def test_keys_decide_as_well(tmp_path: Path) -> None:
    async with transfer(tmp_path, [talks], TALK, **PLAN) as scene:
        await talking(scene)
        assert scene.human.listener is not None
        scene.human.listener.on_digit("2")
        assert not (await scene.result())[0]
        await scene.back_with_agent()


async def test_a_lost_assistant_leaves_the_caller_with_the_agent(tmp_path: Path) -> None:
    async with transfer(tmp_path, [apart, apart], TALK, **PLAN) as scene:
        await talking(scene)
        assistant(scene).hang_up_stream()
        ok, detail = await scene.result()
        assert not ok
        assert "lost" in detail
        await scene.back_with_agent()


async def test_a_caller_who_loses_assistant_and_agent_gets_the_human(tmp_path: Path) -> None:
    async with transfer(tmp_path, [talks], TALK, **PLAN) as scene:
        await talking(scene)
        scene.agent.hang_up_stream()
        await until(lambda: scene.caller.joined == [scene.human])
        assert not scene.caller.ended


async def test_without_a_worker_for_the_assistant_nobody_is_kept_waiting(tmp_path: Path) -> None:
    def refuses(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
        if event.HasField("start") and is_talk(worker, event):
            yield pb.WorkerEvent(refused=pb.Refused(reason="full"))
        else:
            yield from greet(worker, event)

    async with transfer(tmp_path, [refuses], TALK, **PLAN) as scene:
        ok, detail = await scene.result()
        assert not ok
        assert "worker" in detail
        await scene.back_with_agent()


async def test_the_record_has_what_was_said_and_what_the_second_leg_cost(tmp_path: Path) -> None:
    async with transfer(tmp_path, [talks], TALK, **PLAN) as scene:
        await talking(scene)
        for _ in scene.caller.frames(100):
            pass
        hangs_up(scene, TAKEN)
        await scene.result()
        scene.human.end()
        record = await scene.house.record()
    (told,) = record.transfers
    assert (told.destination, told.status) == ("sip:human@h", "completed")
    assert [(said.role, said.text) for said in told.said] == [("agent", "Ann calls."), ("person", "Who is that?")]
    assert [row.characters for row in record.costs if row.type == "voice"] == [20]
