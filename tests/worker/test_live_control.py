"""Live control of a conversation, over a real gRPC stream."""

from __future__ import annotations

import json
from typing import Any

from gateway.link.v1 import link_pb2 as pb
from tests.worker.peer import PeerCall, attached, served
from tests.worker.test_conversation import LONG, answered, assistant, greeted


def control(call: PeerCall, **message: Any) -> None:
    call.send(control=pb.Control(json=json.dumps(message)))


async def test_a_say_takes_the_place_of_what_is_being_said() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, assistant(firstMessage=LONG))
        await call.until(lambda: call.playing and call.playing.position > 4000)
        control(call, type="say", content="Attention please.", interruptAssistantEnabled=True)
        greeting, say = await call.until(lambda: len(turns := call.journal("agent-turn")) == 2 and turns)
    assert greeting["interrupted"]
    assert (say["kind"], say["heard"]) == ("say", "Attention please.")


async def test_an_added_message_is_answered_and_stays_in_the_context(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        control(call, type="add-message", message={"role": "user", "content": "the order is late"})
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
        control(
            call,
            type="add-message",
            message={"role": "system", "content": "Be brief."},
            triggerResponseEnabled=False,
        )
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 3)
    assert call.texts()[1:] == ["You said the order is late.", "You said what time is it."]
    assert [entry["role"] for entry in call.journal("message")] == ["user", "system"]


async def test_a_muted_agent_takes_turns_and_says_nothing(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(texts=["one", "two"]))
        control(call, type="control", control="mute-assistant")
        end_ms = call.speak(speech)
        await call.until(lambda: call.journal("caller-turn") and call.now > end_ms + 1500)
        assert len(call.texts()) == 1
        control(call, type="control", control="unmute-assistant")
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
    assert call.texts()[1:] == ["You said one two."], "the model sees what nobody answered"


async def test_a_muted_caller_is_not_heard(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(texts=["aloud"]))
        control(call, type="control", control="mute-customer")
        end_ms = call.speak(speech)
        await call.until(lambda: call.now > end_ms + 1000)
        control(call, type="control", control="unmute-customer")
        await call.until(lambda: call.now > end_ms + 1200)
        assert not call.journal("caller-turn")
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
    assert [turn["text"] for turn in call.journal("caller-turn")] == ["aloud"]


async def test_the_first_message_is_said_when_it_is_asked_for() -> None:
    plan = assistant(firstMessage="Hello there.", firstMessageMode="assistant-waits-for-user")
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, plan)
        await call.until(lambda: call.now > 500)
        assert not call.texts()
        control(call, type="control", control="say-first-message")
        await call.until(lambda: call.journal("agent-turn"))
    assert call.texts() == ["Hello there."]


async def test_a_transfer_follows_its_words_and_a_failed_one_is_told() -> None:
    plan = {"mode": "blind-transfer", "fallbackPlan": {"message": "Nobody is there.", "endCallEnabled": True}}
    target = {"type": "number", "number": "+1555", "transferPlan": plan}
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        control(call, type="transfer", destination=target, content="I put you through.")
        (action,) = await call.until(lambda: call.of("action"))
        assert call.journal("agent-turn")[1]["heard"] == "I put you through."
        assert json.loads(action.transfer.destination_json) == target
        call.send(action_result=pb.ActionResult(action=action.action, ok=False, detail="603 Decline"))
        (_, hangup) = await call.until(lambda: len(actions := call.of("action")) == 2 and actions)
    assert call.texts()[-1] == "Nobody is there."
    assert hangup.hangup.reason == "assistant-ended-call-after-message-spoken"
