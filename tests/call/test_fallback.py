"""A caller with whom no worker is left to talk goes to the fallback: by the code of every transfer, to its outcome."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.call import endings
from gateway.call.move import life
from gateway.call.phrases import Phrase
from gateway.call.session import Call
from gateway.call.state import State
from gateway.call.transfer.sounds import ringing
from gateway.link.v1 import link_pb2 as pb
from gateway.routing.settings import RouteDestination, RouteSettings
from tests.call.house import PHRASES, House, action, greet, house, play, to_call
from tests.call.leg_double import MemoryLeg, inbound
from tests.link.worker_double import until

pytestmark = pytest.mark.scenario("FLT-03", peer="leg in memory", transport="none")


@dataclass
class Scene:
    """A caller who has heard the apology, with no worker left."""

    house: House
    call: Call
    caller: MemoryLeg

    @property
    def human(self) -> MemoryLeg:
        (leg,) = self.house.endpoint.dialled
        return leg

    async def rings(self) -> None:
        await until(lambda: self.house.endpoint.dialled and self.human.listener)

    def human_answers(self) -> None:
        assert self.human.listener is not None
        self.human.listener.on_answered()

    @property
    def transfers(self) -> list[str]:
        return [one.data["status"] for one in self.call.journal.entries if one.kind == "transfer"]


@asynccontextmanager
async def forsaken(
    tmp_path: Path, patience: pytest.MonkeyPatch, trunk: str | None, *, spoken: bool = False
) -> AsyncIterator[Scene]:
    """:param trunk: by which the caller came; None for one who can only be sent on by REFER
    :param spoken: what the caller hears is there, and is heard
    """
    patience.setattr(life, "PATIENCE_SECONDS", 0.1)
    route = RouteSettings(assistant="desk", number="6*", fallback=RouteDestination(sip_uri="sip:human@h"))
    async with house(tmp_path, greet, routes=[route]) as h:
        if spoken:
            await h.with_phrases(Phrase.FORWARDING)
        caller = h.call(MemoryLeg(inbound(trunk=trunk)))
        await until(caller.queued)
        (call,) = h.gateway.calls.values()
        h.workers[0].die()
        await until(lambda: call.state is State.APOLOGISING)
        before = len(caller.heard())
        await play(caller, 30)
        assert not spoken or caller.heard()[before:].strip(b"\0") == PHRASES[Phrase.FORWARDING]
        await until(lambda: call.state is State.FORWARDING)
        yield Scene(h, call, caller)


async def test_the_caller_hears_an_apology_and_is_connected_by_a_call_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with forsaken(tmp_path, monkeypatch, "office", spoken=True) as scene:
        await scene.rings()
        assert scene.human.info.called == "sip:human@h"
        await until(lambda: scene.caller.backgrounds == [ringing()])
        scene.human_answers()
        await until(lambda: scene.call.state is State.FORWARDED)
        assert scene.caller.joined == [scene.human]
        assert not scene.caller.ended
        scene.human.end()
        record = await scene.house.record()
    assert scene.caller.ended
    assert record.end_reason == endings.FORWARDED
    assert record.failure
    (transfer,) = record.transfers
    assert (transfer.destination, transfer.status) == ("sip:human@h", "completed")


async def test_a_caller_who_hangs_up_with_the_human_was_forwarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with forsaken(tmp_path, monkeypatch, "office") as scene:
        await scene.rings()
        scene.human_answers()
        await until(lambda: scene.call.state is State.FORWARDED)
        scene.caller.end()
        record = await scene.house.record()
    assert scene.human.ended
    assert record.end_reason == endings.FORWARDED


async def test_when_the_fallback_does_not_answer_the_call_ends_for_its_own_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with forsaken(tmp_path, monkeypatch, "office") as scene:
        await scene.rings()
        scene.human.end(486)
        record = await scene.house.record()
    assert scene.caller.hung_up == endings.WORKER_DIED
    assert record.end_reason == endings.WORKER_DIED
    assert record.transfers[0].status == "busy"


async def test_a_caller_who_hangs_up_meanwhile_leaves_nobody_ringing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with forsaken(tmp_path, monkeypatch, "office") as scene:
        await scene.rings()
        scene.caller.end()
        record = await scene.house.record()
    assert scene.human.ended
    assert record.end_reason == endings.WORKER_DIED
    assert record.transfers[0].status == "cancelled"


async def test_a_transfer_that_could_not_be_dialled_does_not_hide_the_loss_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "PATIENCE_SECONDS", 0.1)
    async with house(tmp_path, greet) as h:
        caller = await h.live()
        (call,) = h.gateway.calls.values()
        destination = {"type": "sip", "sipUri": "sip:human@elsewhere", "transferPlan": {"sipVerb": "dial"}}
        to_call(h.workers[0], action("t1", transfer=pb.Transfer(destination_json=json.dumps(destination))))
        await until(lambda: h.workers[0].got("action_result"))
        h.workers[0].die()
        await until(lambda: call.state is State.ENDING)
        await play(caller, 60)
        assert (await h.record()).end_reason == endings.WORKER_DIED


@pytest.mark.parametrize(("ok", "reason"), [(True, endings.FORWARDED), (False, endings.WORKER_DIED)])
async def test_by_refer_the_far_end_says_how_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ok: bool, reason: str
) -> None:
    async with forsaken(tmp_path, monkeypatch, None) as scene:
        await until(lambda: scene.caller.transfers == ["sip:human@h"])
        assert scene.caller.listener is not None
        scene.caller.listener.on_transfer(ok, "so it says")
        record = await scene.house.record()
    assert scene.transfers == ["requested", "connected" if ok else "failed"]
    assert record.end_reason == reason
