"""A transfer assistant through the worker itself: it talks with the human, whose word decides where the caller goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.call.gateway import Gateway
from gateway.call.session import Call
from gateway.settings import OutboundSettings
from tests.call.house import MemoryEndpoint
from tests.call.leg_double import MemoryLeg
from tests.call.test_with_worker import Telephone, hang_up, speech, telephone, turns
from tests.link.worker_double import until

pytestmark = [pytest.mark.models, pytest.mark.scenario("INV-16", peer="leg in memory", transport="none")]
MAY_DIAL = OutboundSettings(direct=["h"])


def agent(decides: str, *answers: str, **assistant: Any) -> dict[str, Any]:
    """An agent that transfers when it is asked to; its transfer assistant decides by the tool `decides`.

    :param answers: what the human is heard to say
    """
    talks = {
        "firstMessage": "A caller {{customer.number}} wants bread.",
        "model": {"provider": "tests.worker.fakes:EchoModel", "reply": "You said {text}.", "tool": decides},
        "transcriber": {"provider": "tests.worker.fakes:ScriptedTranscriber", "texts": list(answers)},
        **assistant,
    }
    plan = {"mode": "warm-transfer-experimental", "transferAssistant": talks}
    destination = {"type": "sip", "sipUri": "sip:desk@h", "message": "", "transferPlan": plan}
    return {
        "model": {
            "provider": "tests.worker.fakes:EchoModel",
            "reply": "You said {text}.",
            "tool": "transferCall",
            "tools": [{"type": "transferCall", "destinations": [destination]}],
        },
        "transcriber": {
            "provider": "tests.worker.fakes:ScriptedTranscriber",
            "texts": ["transferCall to the desk please", "are you still there"],
        },
    }


@dataclass
class Scene:
    """A caller who waits with music, and a human who has answered."""

    phone: Telephone
    desk: Telephone
    gateway: Gateway
    said: bytes

    @property
    def call(self) -> Call:
        (call,) = self.gateway.calls.values()
        return call

    def transfers(self) -> list[str]:
        return [entry.data["status"] for entry in self.call.journal.entries if entry.kind == "transfer"]

    def talk(self) -> list[str]:
        """What was said on the second leg."""
        entries = [entry.data for entry in self.call.journal.entries if entry.kind == "transfer-talk"]
        return [one["text"] for one in entries if one["what"] in ("caller-turn", "agent-turn")]


@asynccontextmanager
async def talking(tmp_path: Path, assistant: dict[str, Any]) -> AsyncIterator[Scene]:
    said = await speech("Could you tell me the time please?")
    async with telephone(tmp_path, outbound=MAY_DIAL, **assistant) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        phone.say(said)
        endpoint = gateway.endpoint
        assert isinstance(endpoint, MemoryEndpoint)
        await until(lambda: endpoint.dialled and endpoint.dialled[0].listener, 15)
        desk = Telephone(endpoint.dialled[0])
        answers(desk.leg)
        ringing = asyncio.create_task(desk.ring_out())
        try:
            yield Scene(phone, desk, gateway, said)
        finally:
            desk.leg.end()
            await ringing


def answers(leg: MemoryLeg) -> None:
    leg.answered = True
    assert leg.listener is not None
    leg.listener.on_answered()


async def test_a_human_who_agrees_is_connected_with_the_caller(tmp_path: Path) -> None:
    assistant = agent("transferSuccessful", "who is it", "transferSuccessful put them through")
    async with talking(tmp_path, assistant) as scene:
        await until(lambda: len(scene.talk()) == 1, 15)
        scene.desk.say(scene.said)
        await until(lambda: len(scene.talk()) == 3, 15)
        assert not scene.phone.leg.joined
        scene.desk.say(scene.said)
        await until(lambda: scene.phone.leg.joined == [scene.desk.leg], 15)
        said = scene.talk()
        assert scene.transfers() == ["requested", "answered", "connected"]
        assert said[:3] == ["A caller alice wants bread.", "who is it", "You said who is it."]


@pytest.mark.long
async def test_a_human_who_declines_leaves_the_caller_with_the_agent_who_knows_why(tmp_path: Path) -> None:
    async with talking(tmp_path, agent("transferCancel", "transferCancel no time")) as scene:
        await until(lambda: len(scene.talk()) == 1, 15)
        scene.desk.say(scene.said)
        await until(lambda: scene.desk.leg.ended, 15)
        await turns(scene.gateway, 3)
        scene.phone.say(scene.said)
        await turns(scene.gateway, 5)
        assert scene.transfers() == ["requested", "answered", "cancelled"]
        record = await hang_up(scene.phone, scene.gateway)
    assert [turn.text for turn in record.turns][-2:] == ["are you still there", "You said are you still there."]
    assert "does not take the call" in str(record.tool_calls[0].error)
