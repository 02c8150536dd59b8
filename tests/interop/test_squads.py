"""A squad of two that REST made answers a SIP call: the first hands over, the second asks a tool."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.interop.conversation import CapturedCall, in_call
from tests.interop.hearing import transcribe
from tests.interop.product import ProductPlan, running_product
from tests.interop.tool_server import ToolServer
from tests.peers import speech
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.softphone import SoftphonePlan

KEY = "squad-test-key-0123456789abcdef"

pytestmark = [pytest.mark.alone, pytest.mark.models, pytest.mark.timeout(240)]


def _model(intents: dict[str, Any], **fields: Any) -> dict[str, Any]:
    dialogue = {"greeting": "Hello.", "fallback": "I did not get that.", "intents": intents}
    return {"provider": "dialogue", "dialogue": dialogue, **fields}


def _tool_intent(pattern: str, tool: str, result: str) -> dict[str, Any]:
    return {"patterns": [pattern], "tool": tool, "result": result, "failed": "That did not work."}


def _squad(tools: str) -> dict[str, Any]:
    desk = {
        "name": "Desk",
        "firstMessage": "Hello, this is the desk.",
        "model": _model({"order": _tool_intent("order", "transferCall", "{{ result }}")}),
    }
    lookup = {
        "type": "function",
        "function": {"name": "opening", "description": "When the shop is open."},
        "server": {"url": tools},
    }
    goodbye = {"patterns": ["bye"], "answer": "Goodbye.", "end_call": True}
    hours = _tool_intent("hours|open", "opening", "We open on {{ result }}.")
    sales = {
        "name": "Sales",
        "firstMessage": "You are speaking to the sales team now.",
        "model": _model({"hours": hours, "goodbye": goodbye}, tools=[lookup, {"type": "endCall"}]),
        "voice": {"provider": "hibari", "speed": 1.1},
    }
    way = {"type": "assistant", "assistantName": "Sales", "message": "One moment please."}
    return {"name": "Shop", "members": [{"assistant": desk, "assistantDestinations": [way]}, {"assistant": sales}]}


@dataclass(frozen=True, slots=True)
class Seen:
    """The call, what was heard of it, what REST tells of it, and what the tool server was asked."""

    call: CapturedCall
    heard: list[str]
    record: dict[str, Any]
    shown: dict[str, Any]
    tool_calls: list[dict[str, Any]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return asyncio.run(_call_the_squad(tmp_path_factory.mktemp("squad")))


async def _call_the_squad(folder: Path) -> Seen:
    api = {"enabled": True, "port": free_port(), "bootstrap_key": KEY}
    changes: dict[str, Any] = {
        "api": api,
        "media": {"port": free_port()},
        "egress": {"allow": ["127.0.0.0/8"]},
        "routes": [],
    }
    plan = ProductPlan(folder / "parley", {"model": {"provider": "dialogue"}}, changes=changes)
    base = f"http://{LOOPBACK}:{api['port']}"
    with ToolServer(lambda name, arguments: "Friday").serving() as tools:
        async with running_product(plan) as product, httpx.AsyncClient(base_url=base, timeout=20) as client:
            client.headers["Authorization"] = f"Bearer {KEY}"
            squad = await _made(client, "/squad", _squad(tools.url))
            number = {"provider": "vapi", "sipUri": f"sip:shop@{LOOPBACK}", "squadId": squad["id"]}
            await _made(client, "/phone-number", number)
            says = _says(folder / "says")
            async with in_call(SoftphonePlan(folder / "phone"), f"sip:shop@{product.address}") as call:
                await call.phone.far_end_spoke()
                await call.phone.say(says["order"])
                await call.phone.far_end_spoke()
                await call.phone.far_end_spoke()
                await call.phone.say(says["hours"])
                await call.phone.far_end_spoke()
                await call.phone.say(says["goodbye"])
                await call.phone.wait_for("ended", seconds=20)
            (record,) = await product.wait_for_records(1)
            shown = await _ended(client)
        heard = await transcribe(call.plan.recording)
        return Seen(call, heard, record, shown, tools.calls("opening"))


def _says(folder: Path) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        "order": speech.synthetic("Where is my order?", "rms"),
        "hours": speech.synthetic("What are your opening hours?", "slt"),
        "goodbye": speech.human("vm-goodbye"),
    }
    return {name: speech.write_wav(folder / f"{name}.wav", samples) for name, samples in said.items()}


async def _made(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _ended(client: httpx.AsyncClient) -> dict[str, Any]:
    """The call as REST tells of it, once it is over there, too."""
    for _ in range(100):
        calls: list[dict[str, Any]] = (await client.get("/call")).json()
        if calls and calls[0]["status"] == "ended":
            return calls[0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"the call has not ended: {calls}")


def test_the_caller_hears_one_assistant_after_the_other(seen: Seen) -> None:
    heard = " ".join(seen.heard)
    assert "moment" in heard, seen.heard
    assert "sales" in heard, seen.heard
    assert "friday" in heard, seen.heard


def test_the_tool_of_the_second_assistant_was_asked_once(seen: Seen) -> None:
    assert len(seen.tool_calls) == 1


def test_the_record_and_rest_tell_who_had_the_call(seen: Seen) -> None:
    assert seen.record["end_reason"] == seen.shown["endedReason"] == "assistant-ended-call"
    activations = seen.shown["artifact"]["assistantActivations"]
    assert [one["assistantName"] for one in activations] == ["Desk", "Sales"]
    said = [message["message"] for message in seen.shown["artifact"]["messages"] if message["role"] == "bot"]
    assert said[0] == "Hello, this is the desk."
    assert "You are speaking to the sales team now." in said


def test_the_switch_takes_no_longer_than_a_turn(seen: Seen) -> None:
    """From the words on the way to those of the next assistant, on the wire."""
    _, way, sales = seen.call.agent_spurts[:3]
    assert (sales.start_ns - way.end_ns) / 1e6 < 1500, seen.call.agent_spurts
