"""A transfer that we dial, through a gateway with legs in memory: who hears whom, and what is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.call import endings
from gateway.call.move import life
from gateway.call.session import Call
from gateway.call.state import State
from gateway.call.transfer.sounds import hold_music, ringing
from gateway.link.v1 import link_pb2 as pb
from tests.call.house import House, greet, house
from tests.call.leg_double import MemoryLeg
from tests.link.worker_double import Script, WorkerDouble, until

MESSAGE, SAID = "Ann wants to buy bread.", b"\x21\x12" * 800
pytestmark = pytest.mark.scenario("INV-16", peer="leg in memory", transport="none")


def speaks(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
    """As `greet`, and says MESSAGE when asked for it as a first message."""
    start = json.loads(event.start.assistant_json or "{}") if event.HasField("start") else {}
    yield from greet(worker, event)
    if start.get("firstMessage") == MESSAGE:
        yield pb.WorkerEvent(utterance=pb.Utterance(utterance=1, text=MESSAGE, interruptible=True))
        yield pb.WorkerEvent(audio=pb.UtteranceAudio(utterance=1, pcm=SAID, final=True))


@dataclass
class Scene:
    """A caller whose agent has asked for a transfer, and the human's leg."""

    house: House
    agent: WorkerDouble
    call: Call
    caller: MemoryLeg
    human: MemoryLeg

    def answers(self) -> None:
        assert self.human.listener is not None
        self.human.listener.on_answered()

    async def result(self) -> tuple[bool, str]:
        """What the agent was told."""

        def results() -> list[pb.ActionResult]:
            told = [one.action_result for one in self.agent.got("action_result")]
            return [one for one in told if one.action == "t1"]

        await until(results)
        result = results()[0]
        return result.ok, result.detail

    async def hears_message(self) -> None:
        """Media ticks of the human until MESSAGE was played."""
        async with asyncio.timeout(10):
            while SAID not in self.human.ring.sent:
                self.human.frame()
                await asyncio.sleep(0.002)
            for _ in range(3):
                self.human.frame()

    @property
    def statuses(self) -> list[str]:
        return [entry.data["status"] for entry in self.call.journal.entries if entry.kind == "transfer"]

    @property
    def held(self) -> list[bool]:
        """What the agent was told of the caller's being there."""
        return [event.hold.held for event in self.agent.got("hold")]

    async def back_with_agent(self) -> None:
        """The caller is where it was: not held, no music, not joined, its call alive."""
        await until(lambda: self.held == [True, False])
        assert self.caller.backgrounds[-1] == b""
        assert self.caller.joined == []
        assert self.caller.hung_up is None
        assert not self.caller.ended
        assert self.human.ended


@asynccontextmanager
async def transfer(
    tmp_path: Path, scripts: Sequence[Script] = (speaks,), talk: str = "", **plan: Any
) -> AsyncIterator[Scene]:
    """:param talk: the transfer assistant as JSON"""
    destination = {"type": "sip", "sipUri": "sip:human@h", "transferPlan": plan}
    async with house(tmp_path, *scripts) as h:
        caller = await h.live()
        for _ in caller.frames(30):
            pass
        written = pb.Transfer(
            destination="sip:human@h", destination_json=json.dumps(destination), transfer_assistant_json=talk
        )
        event = pb.WorkerEvent(action=pb.Action(action="t1", transfer=written))
        (call,) = h.gateway.calls.values()
        (agent,) = (one for one in h.workers if any(start.start.call_id == call.id for start in one.got("start")))
        event.call = next(one.call for one in agent.got("start") if one.start.call_id == call.id)
        agent.send(event)
        await until(lambda: h.endpoint.dialled and h.endpoint.dialled[0].listener)
        yield Scene(h, agent, call, caller, h.endpoint.dialled[0])


async def test_by_the_verb_dial_the_two_are_connected_and_the_agent_goes(tmp_path: Path) -> None:
    async with transfer(tmp_path, mode="blind-transfer", sipVerb="dial") as scene:
        await until(lambda: scene.caller.backgrounds == [ringing()])
        assert len(scene.call.lines) == 2
        scene.answers()
        await until(lambda: scene.caller.joined == [scene.human])
        assert scene.human.sink is scene.caller.sink is scene.call.books.capture, "one capture has both legs"
        assert (await scene.result())[0]
        assert scene.caller.backgrounds[-1] == b""
        await until(lambda: scene.house.workers[0].got("end"))
        assert scene.statuses == ["requested", "answered", "connected"]
        assert scene.call.machine.deadline > asyncio.get_running_loop().time() + 3600
        scene.human.end()
        record = await scene.house.record()
        assert scene.caller.hung_up is not None
        assert record.end_reason == endings.FORWARDED
        assert scene.statuses[-1] == "completed"


async def test_the_human_is_hung_up_when_the_caller_hangs_up(tmp_path: Path) -> None:
    async with transfer(tmp_path, sipVerb="dial") as scene:
        scene.answers()
        await scene.result()
        scene.caller.end()
        record = await scene.house.record()
        assert scene.human.hung_up is not None
        assert record.end_reason == endings.FORWARDED
        assert scene.statuses[-1] == "completed"


async def test_a_warm_transfer_tells_the_human_first(tmp_path: Path) -> None:
    async with transfer(tmp_path, mode="warm-transfer-say-message", message=MESSAGE) as scene:
        await until(lambda: scene.caller.backgrounds == [hold_music()])
        scene.answers()
        await scene.hears_message()
        await until(lambda: scene.caller.joined == [scene.human])
        assert (await scene.result())[0]
        assert SAID not in scene.caller.heard()


async def test_the_recording_has_the_human_where_the_agent_was(tmp_path: Path) -> None:
    async with transfer(tmp_path, sipVerb="dial") as scene:
        scene.answers()
        await scene.result()
        scene.human.frame(b"\x05\x00" * 160)
        with scene.call.audience.joined() as listener:
            scene.caller.frame(b"\x07\x00" * 160)
            sound = await anext(listener)
        assert getattr(sound, "agent", None) == b"\x05\x00" * 160
        assert getattr(sound, "caller", None) == b"\x07\x00" * 160


@pytest.mark.parametrize(
    ("status", "told"), [(486, "busy"), (603, "failed"), (480, "no-answer"), (404, "failed"), (503, "failed")]
)
async def test_who_does_not_answer_leaves_the_caller_with_the_agent(tmp_path: Path, status: int, told: str) -> None:
    async with transfer(tmp_path, sipVerb="dial") as scene:
        scene.human.end(status)
        ok, detail = await scene.result()
        assert not ok
        assert str(status) in detail
        await scene.back_with_agent()
        assert scene.statuses == ["requested", told]


async def test_ringing_ends_by_time(tmp_path: Path) -> None:
    async with transfer(tmp_path, sipVerb="dial", dialTimeout=1) as scene:
        assert await scene.result() == (False, "Nobody answered in time.")
        await scene.back_with_agent()
        assert scene.statuses == ["requested", "no-answer"]


@pytest.mark.parametrize(("key", "status"), [("2", "cancelled"), ("1", "connected")])
async def test_the_human_decides_by_key(tmp_path: Path, key: str, status: str) -> None:
    plan: dict[str, Any] = {"mode": "warm-transfer-say-message", "acceptByKey": True}
    async with transfer(tmp_path, **plan) as scene:
        scene.answers()
        await until(lambda: "answered" in scene.statuses)
        await asyncio.sleep(0.05)
        assert not scene.house.workers[0].got("action_result"), "silence is no consent"
        assert scene.human.listener is not None
        scene.human.listener.on_digit(key)
        assert (await scene.result())[0] is (key == "1")
        assert scene.statuses[-1] == status
        if key == "2":
            await scene.back_with_agent()


async def test_a_human_who_hangs_up_while_being_told_leaves_the_caller_with_the_agent(tmp_path: Path) -> None:
    async with transfer(tmp_path, mode="warm-transfer-say-message", acceptByKey=True) as scene:
        scene.answers()
        await until(lambda: "answered" in scene.statuses)
        scene.human.end()
        assert not (await scene.result())[0]
        await scene.back_with_agent()


async def test_calls_that_cannot_be_joined_leave_the_caller_with_the_agent(tmp_path: Path) -> None:
    async with transfer(tmp_path, mode="warm-transfer-say-message", acceptByKey=True) as scene:
        scene.answers()
        await until(lambda: "answered" in scene.statuses)
        scene.human.joinable = False
        assert scene.human.listener is not None
        scene.human.listener.on_digit("1")
        ok, detail = await scene.result()
        assert not ok
        assert "cannot hear each other" in detail
        await scene.back_with_agent()


async def test_a_caller_who_hangs_up_while_waiting_takes_the_human_along(tmp_path: Path) -> None:
    async with transfer(tmp_path, mode="warm-transfer-say-message", acceptByKey=True) as scene:
        scene.answers()
        await until(lambda: "answered" in scene.statuses)
        scene.caller.end()
        record = await scene.house.record()
        assert scene.human.hung_up is not None
        assert record.end_reason == endings.LEFT_BEFORE_WARM_TRANSFER
        assert scene.statuses[-1] == "cancelled"


async def test_a_caller_whose_agent_is_lost_still_gets_the_human(tmp_path: Path) -> None:
    async with transfer(tmp_path, sipVerb="dial") as scene:
        failure = pb.WorkerEvent(failure=pb.Failure(reason="pipeline-error", detail="gone"))
        failure.call = next(one.call for one in scene.house.workers[0].got("start") if one.start.call_id != "phrase")
        scene.house.workers[0].send(failure)
        await until(lambda: any(entry.kind == "failure" for entry in scene.call.journal.entries))
        scene.answers()
        await until(lambda: scene.caller.joined == [scene.human])
        assert not scene.caller.ended


async def test_an_agent_that_stays_hears_both(tmp_path: Path) -> None:
    async with transfer(tmp_path, sipVerb="dial", agentStays=True) as scene:
        scene.answers()
        assert (await scene.result())[0]
        assert scene.human.agents_of == [scene.caller]
        await until(lambda: scene.held == [True, False])
        assert not scene.house.workers[0].got("end")
        scene.human.end()
        await until(lambda: scene.statuses[-1] == "completed")
        await asyncio.sleep(0.05)
        assert not scene.caller.ended, "the agent is still there"


async def test_two_whose_agent_stayed_and_was_lost_go_on_until_one_hangs_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "PATIENCE_SECONDS", 0.1)
    async with transfer(tmp_path, sipVerb="dial", agentStays=True) as scene:
        scene.answers()
        assert (await scene.result())[0]
        scene.agent.die()
        await until(lambda: any(entry.kind == "failure" for entry in scene.call.journal.entries))
        assert scene.call.state is State.LIVE
        assert scene.caller.joined == [scene.human]
        scene.human.end()
        await until(lambda: scene.call.state is State.ENDING)


@pytest.mark.parametrize("ok", [True, False])
async def test_the_other_side_may_be_asked_to_connect_the_two(tmp_path: Path, ok: bool) -> None:
    async with transfer(tmp_path, sipVerb="dial", connectBy="refer") as scene:
        scene.answers()
        await until(lambda: scene.caller.transfers)
        assert scene.caller.transfers == ["attended sip:human@h"]
        assert scene.caller.listener is not None
        scene.caller.listener.on_transfer(ok, "200 OK" if ok else "603 Decline")
        if ok:
            record = await scene.house.record()
            assert record.end_reason == endings.FORWARDED
            assert scene.human.ended
        else:
            await asyncio.sleep(0.05)
            assert scene.caller.joined == [scene.human]
            assert not scene.caller.ended


async def test_whom_no_setting_lets_us_dial_is_not_dialled(tmp_path: Path) -> None:
    destination = {"type": "sip", "sipUri": "sip:human@elsewhere", "transferPlan": {"sipVerb": "dial"}}
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        event = pb.WorkerEvent(
            action=pb.Action(action="t1", transfer=pb.Transfer(destination_json=json.dumps(destination)))
        )
        event.call = next(one.call for one in h.workers[0].got("start") if one.start.call_id != "phrase")
        h.workers[0].send(event)
        await until(lambda: h.workers[0].got("action_result"))
        result = h.workers[0].got("action_result")[0].action_result
        assert not result.ok
        assert "outbound.direct" in result.detail
        assert not leg.ended
        assert h.endpoint.dialled == []


async def test_by_the_verb_bye_the_caller_is_given_back_with_the_destination(tmp_path: Path) -> None:
    destination = {"type": "number", "number": "2001", "transferPlan": {"sipVerb": "bye"}, "sipHeaders": {"X-A": "1"}}
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        event = pb.WorkerEvent(
            action=pb.Action(action="t1", transfer=pb.Transfer(destination_json=json.dumps(destination)))
        )
        event.call = next(one.call for one in h.workers[0].got("start") if one.start.call_id != "phrase")
        h.workers[0].send(event)
        record = await h.record()
    assert record.end_reason == endings.FORWARDED
    assert leg.hangup_headers == {"X-A": "1", "X-Transfer-Destination": "sip:2001@127.0.0.1"}
