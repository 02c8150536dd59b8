"""Hooks of an assistant, over a real gRPC stream."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.worker.peer import attached, served
from tests.worker.test_conversation import LONG, answered, assistant, greeted
from tests.worker.test_tools import tool_service

END_CALL = {"type": "tool", "tool": {"type": "endCall"}}


def hook(on: str, *do: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"on": on, "do": list(do), **fields}


async def test_the_model_makes_the_first_message() -> None:
    plan = assistant(firstMessage="Not this.", firstMessageMode="assistant-speaks-first-with-model-generated-message")
    plan["model"]["messages"] = [{"role": "system", "content": "Greet {{customer.name}}"}]
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, plan)
        await call.until(lambda: call.journal("agent-turn"))
    assert call.texts() == ["You said Greet ."]


async def test_a_silent_caller_is_spoken_to_by_the_model() -> None:
    silence = hook(
        "customer.speech.timeout",
        {"type": "say", "prompt": "Ask for patience"},
        options={"timeoutSeconds": 1, "triggerMaxCount": 1},
    )
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(hooks=[silence]))
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
    assert call.texts()[1] == "You said Ask for patience."
    assert [note["detail"] for note in call.journal("note") if note["event"] == "hook"] == ["customer.speech.timeout"]


async def test_a_message_is_added_and_answered_after_a_time() -> None:
    elapsed = hook(
        "call.timeElapsed",
        {"type": "message.add", "message": {"role": "user", "content": "hurry up"}},
        options={"seconds": 1},
    )
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(hooks=[elapsed]))
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
    assert call.texts()[1] == "You said hurry up."


async def test_who_interrupts_hears_what_the_hook_says(speech: bytes) -> None:
    interrupted = hook("assistant.speech.interrupted", {"type": "say", "exact": ["Go ahead.", "Go ahead."]})
    async with served() as (_, address), attached(address) as peer:
        call = await answered(
            peer, assistant(firstMessage=f"{LONG} {LONG}", texts=["stop that please"], hooks=[interrupted])
        )
        await call.until(lambda: call.playing and call.playing.position > 9000)
        onset = call.now
        call.speak(speech)
        await asyncio.sleep(0.1)
        call.pause(onset_ms=onset)
        await call.until(lambda: "Go ahead." in call.texts())


async def test_a_hook_ends_the_call() -> None:
    elapsed = hook("call.timeElapsed", END_CALL, options={"seconds": 1})
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(hooks=[elapsed], endCallMessage="Time is up."))
        (action,) = await call.until(lambda: call.of("action"))
    assert call.texts()[-1] == "Time is up."
    assert action.hangup.reason == "assistant-ended-call-after-message-spoken"


async def test_the_end_of_a_call_is_told_to_a_server_when_the_filter_holds() -> None:
    async def answer(body: dict[str, Any]) -> tuple[int, str]:
        return 200, json.dumps({"results": [{"result": "noted"}]})

    async with tool_service(answer) as service, served() as (worker, address), attached(address) as peer:
        tool = {"type": "function", "function": {"name": "goodbye"}, "server": {"url": service.url}}
        filters = [{"type": "oneOf", "key": "call.endedReason", "oneOf": ["customer-ended-call"]}]
        ending = [
            hook("call.ending", {"type": "tool", "tool": tool}, filters=filters),
            hook("call.ending", {"type": "tool", "tool": tool}, filters=[{**filters[0], "oneOf": ["voicemail"]}]),
        ]
        call = await greeted(peer, assistant(hooks=ending))
        call.end("customer-ended-call")
        await call.until(lambda: worker.load().active_calls == 0)
    assert [body["message"]["toolCallList"][0]["name"] for _, body in service.requests] == ["goodbye"]
