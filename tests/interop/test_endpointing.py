"""Who decides when the caller has finished, over a real call: the user's server, and the smart-turn model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.models import missing
from gateway.models.catalogue import SMART_TURN
from tests.interop.conversation import Conversation, hold_conversation
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.interop.tool_server import ToolServer
from tests.peers.missing import PeerMissing
from tests.peers.softphone import Softphone, SoftphonePlan
from tests.peers.talk import turn_latencies

WAIT_MS = 2000

pytestmark = [pytest.mark.timeout(120)]


class EndpointingServer(ToolServer):
    """Wants every turn to be waited for."""

    def _reply(self, body: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(body)
        return {"timeoutSeconds": WAIT_MS / 1000}


async def _ask_once(phone: Softphone, files: dict[str, Path]) -> None:
    await phone.far_end_spoke()
    await phone.say(files["hours"])
    await phone.far_end_spoke()


async def _call(folder: Path, plan: dict[str, Any]) -> Conversation:
    """A question and its answer, with this smartEndpointingPlan."""
    start = {"waitSeconds": 0.3, "smartEndpointingPlan": plan}
    assistant = {**fake_assistant(reply="one two"), "startSpeakingPlan": start}
    async with running_product(ProductPlan(folder / "parley", assistant)) as product:
        target = f"sip:demo@{product.address}"
        return await hold_conversation(product, SoftphonePlan(folder / "phone"), target, _ask_once, order="1")


def _answer_ms(call: Conversation) -> float:
    """From the caller's last loud packet to the agent's first."""
    (latency,) = turn_latencies(call.call.caller_spurts, call.call.agent_spurts)
    return latency.ms


async def test_the_users_server_decides_about_the_end_of_a_turn(tmp_path: Path) -> None:
    with EndpointingServer(lambda _name, _arguments: "").serving() as server:
        call = await _call(tmp_path, {"provider": "custom-endpointing-model", "server": {"url": server.url}})
    assert _answer_ms(call) > WAIT_MS - 100
    message = server.requests[-1]["message"]
    assert message["type"] == "call.endpointing.request"
    assert [(one["role"], one["message"]) for one in message["messages"]] == [
        ("bot", "hello"),
        ("user", "can you hear me"),
    ]
    assert message["call"]["id"] == call.record["id"]
    notes = [note for note in call.record["notes"] if note["event"] == "endpointing-request"]
    assert [note["timeoutSeconds"] for note in notes] == [2.0] * len(server.requests), json.dumps(call.record)


@pytest.mark.models
async def test_the_smart_turn_model_judges_every_pause(tmp_path: Path) -> None:
    if missing([SMART_TURN]):
        raise PeerMissing(f"the smart-turn model is not installed: {SMART_TURN.command}")
    call = await _call(tmp_path, {"provider": "smart-turn", "waitFunction": "1500 + 0 * x"})
    assert _answer_ms(call) > 1400, "what nobody has judged is waited for 0.3 s"
