"""A call that goes from one assistant of a squad to the next, over a real gRPC stream."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from gateway.link.v1 import link_pb2 as pb
from tests.worker.catalogued import catalogue_fakes, named
from tests.worker.peer import PeerCall, attached, served
from tests.worker.test_conversation import assistant


@pytest.fixture(autouse=True)
def catalogued(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue_fakes(monkeypatch)


def member(name: str, **fields: Any) -> dict[str, Any]:
    own = {"firstMessage": f"{name} is here.", "firstMessageInterruptionsEnabled": True, **fields}
    return {"name": name, "assistantId": f"id-{name}", "assistant": {"name": name, **named(assistant(**own))}}


def squad(*members: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"organisation": "o", "call": {"id": "call-1"}, "members": list(members), **fields})


def hand_over(call: PeerCall, destination: dict[str, Any], content: str = "") -> None:
    message = {"type": "handoff", "destination": destination, "content": content}
    call.send(control=pb.Control(json=json.dumps(message)))


def to(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "assistant", "assistantName": name, **fields}


def start(call: PeerCall, plan: str, **fields: Any) -> None:
    direction = pb.DIRECTION_INBOUND
    call.send(start=pb.StartCall(call_id="call-1", plan_json=plan, direction=direction, **fields))


async def begun(call: PeerCall, plan: str) -> PeerCall:
    start(call, plan)
    await call.until(lambda: call.of("accepted"))
    call.answer()
    await call.until(lambda: call.journal("agent-turn"))
    return call


async def test_the_next_assistant_says_its_first_message_and_answers_with_its_own_model(speech: bytes) -> None:
    sales = member("Sales", model={"reply": "Sales heard {text}."}, texts=["a car"])
    async with served() as (worker, address), attached(address) as peer:
        call = await begun(peer.call(), squad(member("Desk"), sales))
        hand_over(call, to("Sales"), "One moment.")
        await call.until(lambda: len(call.journal("agent-turn")) == 3)
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 4)
        assert call.texts() == ["Desk is here.", "One moment.", "Sales is here.", "Sales heard a car."]
        seated = [(entry["member"], entry["name"], entry.get("from")) for entry in call.journal("assistant")]
        assert seated == [(0, "Desk", None), (1, "Sales", "Desk")]
        (handoff,) = call.journal("handoff")
        assert (handoff["from"], handoff["to"], handoff["mode"]) == ("Desk", "Sales", "rolling-history")
        call.end()
        await call.until(lambda: worker.load().active_calls == 0)
        both = {(name, stage) for name in ("Desk", "Sales") for stage in ("voice", "transcriber")}
        await call.until(lambda: _used(call) == both | {("Sales", "model")})


def _used(call: PeerCall) -> set[tuple[str, str]]:
    return {(row["member"], row["stage"]) for line in call.journal("usage")[-1:] for row in line["rows"]}


async def test_without_a_first_message_the_model_goes_on_from_what_was_said(speech: bytes) -> None:
    sales = member("Sales", firstMessage="", model={"reply": "I go on after: {text}"})
    async with served() as (_, address), attached(address) as peer:
        call = await begun(peer.call(), squad(member("Desk", texts=["I want a car"]), sales))
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
        hand_over(call, to("sales"))
        await call.until(lambda: len(call.journal("agent-turn")) == 3)
    assert call.texts()[-1] == "I go on after: You said I want a car."


async def test_one_that_waits_for_the_caller_says_nothing(speech: bytes) -> None:
    sales = member("Sales", firstMessageMode="assistant-waits-for-user", texts=["a car"])
    async with served() as (_, address), attached(address) as peer:
        call = await begun(peer.call(), squad(member("Desk"), sales))
        hand_over(call, to("Sales"))
        await call.until(lambda: len(call.journal("assistant")) == 2)
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
    assert call.texts() == ["Desk is here.", "You said a car."]


async def test_a_call_on_hold_is_on_hold_for_the_next_assistant(speech: bytes) -> None:
    sales = member("Sales", firstMessageMode="assistant-waits-for-user", texts=["a car"])
    async with served() as (_, address), attached(address) as peer:
        call = await begun(peer.call(), squad(member("Desk"), sales))
        call.send(hold=pb.HoldNotice(at_ms=call.now, held=True))
        hand_over(call, to("Sales"))
        await call.until(lambda: len(call.journal("assistant")) == 2)
        call.speak(speech)
        await asyncio.sleep(2)
        assert not call.journal("caller-turn")
        call.send(hold=pb.HoldNotice(at_ms=call.now, held=False))
        call.speak(speech)
        await call.until(lambda: call.texts()[-1] == "You said a car.")


async def test_what_the_caller_says_across_the_switch_is_heard_by_the_next_assistant(speech: bytes) -> None:
    sales = member("Sales", firstMessageMode="assistant-waits-for-user", texts=["a car"])
    async with served() as (_, address), attached(address) as peer:
        call = await begun(peer.call(), squad(member("Desk"), sales))
        end_ms = call.speak(speech)
        await call.until(lambda: call.now > end_ms - len(speech) // 32)
        hand_over(call, to("Sales"))
        await call.until(lambda: call.journal("caller-turn"))
        (turn,) = call.journal("caller-turn")
        (_, seated) = [entry for entry in call.of("journal") if entry.kind == "assistant"]
        assert turn["text"] == "a car"
        assert turn["start_ms"] < seated.at_ms < end_ms, "it began before the switch and ended after it"
        await call.until(lambda: call.texts()[-1] == "You said a car.")


async def test_a_destination_that_nobody_is_called_is_named(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await begun(peer.call(), squad(member("Desk"), member("Sales")))
        hand_over(call, to("Billing"))
        await call.until(lambda: [n for n in call.journal("note") if n["event"] == "control-failed"])
        (note,) = [n for n in call.journal("note") if n["event"] == "control-failed"]
        assert note["detail"] == "No assistant of this call is called 'Billing'; there are Desk, Sales."
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
    assert not call.journal("handoff")


async def test_a_member_whose_providers_cannot_be_had_does_not_get_the_call(speech: bytes) -> None:
    broken = member("Sales", transcriber={"provider": "tests.worker.fakes:ScriptedTranscriber", "opens": False})
    async with served() as (_, address), attached(address) as peer:
        call = await begun(peer.call(), squad(member("Desk"), broken))
        hand_over(call, to("Sales"))
        await call.until(lambda: [n for n in call.journal("note") if n["event"] == "control-failed"])
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
    assert call.texts()[-1] == "You said what time is it."


async def test_assistants_send_a_caller_to_and_fro_only_when_they_hear_one(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await begun(peer.call(), squad(member("Desk"), member("Sales")))
        for name in ("Sales", "Desk", "Sales", "Desk"):
            told = len(call.journal("agent-turn"))
            hand_over(call, to(name))
            await call.until(partial(_turns_beyond, call, told))
        hand_over(call, to("Sales"))
        await call.until(lambda: [n for n in call.journal("note") if n["event"] == "control-failed"])
        assert len(call.journal("handoff")) == 4
        call.speak(speech)
        await call.until(lambda: call.journal("caller-turn"))
        hand_over(call, to("Sales"))
        await call.until(lambda: len(call.journal("handoff")) == 5)


async def test_a_worker_that_takes_over_gives_the_call_to_who_was_to_have_it() -> None:
    transient = {"type": "assistant", "assistant": member("Night")["assistant"]}
    plan = squad(member("Desk"))
    async with served() as (_, first), served() as (_, second):
        async with attached(first) as peer:
            call = await begun(peer.call(), plan)
            hand_over(call, transient, "One moment, while I hand you over to the colleagues of the night.")
            await call.until(lambda: call.journal("handoff") and call.playing and call.playing.position > 4000)
        async with attached(second) as peer:
            successor = peer.call()
            successor.tick_count, successor.answered = call.tick_count, True
            start(successor, plan, journal=call.of("journal"), at_ms=call.now)
            await successor.until(lambda: successor.journal("agent-turn"))
            await successor.until(lambda: successor.texts() == ["Night is here."])
            (seated,) = successor.journal("assistant")
            assert (seated["name"], seated["from"], seated["member"]) == ("Night", "Desk", 1)
    begun_turn = successor.journal("agent-turn")[0]
    assert begun_turn["kind"] == "resumed"
    assert begun_turn["interrupted"], "what the first one said of it is told"


async def test_the_caller_hears_the_next_assistant_as_soon_as_an_answer(speech: bytes) -> None:
    """The silence of the switch, against that of an answer: both are the voice's delay, and little else."""
    slow = {"provider": "tests.worker.fakes:ToneVoice", "word_ms": 100, "delay_ms": 200}
    async with served() as (_, address), attached(address) as peer:
        call = await begun(peer.call(), squad(member("Desk", voice=slow), member("Sales", voice=slow)))
        hand_over(call, to("Sales"), "One moment.")
        await call.until(lambda: len(call.journal("agent-turn")) == 3)
        moment, here = list(call.utterances.values())[1:]
        assert [moment.text, here.text] == ["One moment.", "Sales is here."]
        assert _gap(call) < 600


def _turns_beyond(call: PeerCall, count: int) -> bool:
    return len(call.journal("agent-turn")) > count


def _gap(call: PeerCall) -> int:
    """From the end of the words on the way to those of the next assistant, ms of the call clock."""
    ends: list[int] = [entry.at_ms for entry in call.of("journal") if entry.kind == "agent-turn"]
    starts: list[int] = [entry.at_ms for entry in call.of("journal") if entry.kind == "utterance"]
    return starts[2] - ends[1]


async def test_the_model_hands_over_by_the_destinations_of_its_member(speech: bytes) -> None:
    desk = member("Desk", model={"tool": "transferCall"}, texts=["transferCall to sales please"])
    desk["destinations"] = [to("Sales", message="I put you through.", transferMode="delete-history")]
    sales = member("Sales", firstMessage="", model={"reply": "Sales knows only: {text}"})
    sales["assistant"]["model"]["messages"] = [{"role": "system", "content": "You sell to {{customer.name}}."}]
    plan = squad(desk, sales, variables={"customer": {"name": "Ann"}})
    async with served() as (_, address), attached(address) as peer:
        call = await begun(peer.call(), plan)
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 3)
    assert call.texts()[1:] == ["I put you through.", "Sales knows only: You sell to Ann."]
    (handoff,), (used,) = call.journal("handoff"), call.journal("tool-call")
    assert (handoff["mode"], handoff["tool"]) == ("delete-history", used["id"])
    assert call.journal("tool-result")[0]["ok"]
