"""Whole conversations over a real gRPC stream, with providers that answer at once."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from gateway.conversation.recording import read_recordings
from gateway.conversation.replay import replay
from gateway.link.v1 import link_pb2 as pb
from tests.worker.peer import GatewayPeer, PeerCall, attached, served

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen."


def assistant(**fields: Any) -> dict[str, Any]:
    """An assistant with fakes; `texts` are what the caller is understood to say."""
    texts = fields.pop("texts", ["what time is it"])
    model = {"provider": "tests.worker.fakes:EchoModel", "reply": "You said {text}.", **fields.pop("model", {})}
    return {
        "firstMessage": "Hello there.",
        "transcriber": {"provider": "tests.worker.fakes:ScriptedTranscriber", "texts": texts},
        "model": model,
        "voice": {"provider": "tests.worker.fakes:ToneVoice", "word_ms": 100},
        "stopSpeakingPlan": {"backoffSeconds": 0},
        **fields,
    }


async def answered(peer: GatewayPeer, plan: dict[str, Any], **fields: Any) -> PeerCall:
    """A call that is up."""
    call = peer.call()
    call.start(plan, **fields)
    await call.until(lambda: call.of("accepted"))
    call.answer()
    return call


async def greeted(peer: GatewayPeer, plan: dict[str, Any]) -> PeerCall:
    """A call whose greeting has been heard."""
    call = await answered(peer, plan)
    await call.until(lambda: call.journal("agent-turn"))
    return call


async def test_a_call_is_greeted_heard_answered_and_ended(speech: bytes) -> None:
    async with served() as (worker, address), attached(address) as peer:
        call = peer.call()
        call.start(assistant())
        await call.until(lambda: call.of("accepted"))
        assert not call.of("utterance"), "nothing plays before the call is answered"
        call.answer()
        await call.until(lambda: call.journal("agent-turn"))
        end_ms = call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)

        assert call.texts() == ["Hello there.", "You said what time is it."]
        assert [turn["text"] for turn in call.journal("caller-turn")] == ["what time is it"]
        latency = call.journal("latency")[0]
        parts = sum(latency[part] for part in ("endpointing", "transcriber", "model", "voice"))
        assert abs(latency["speech_end_ms"] + parts - call.first_audio_ms[1]) < 100
        assert abs(latency["speech_end_ms"] - end_ms) < 300
        call.end()
        await call.until(lambda: worker.load().active_calls == 0)


async def test_an_interruption_cuts_the_agent_and_the_model_learns_what_was_heard(speech: bytes) -> None:
    plan = assistant(firstMessage=LONG, texts=["stop that please"])
    async with served() as (worker, address), attached(address) as peer:
        call = await answered(peer, plan)
        await call.until(lambda: call.playing and call.playing.position > 4000)
        onset = call.now
        call.speak(speech)
        await asyncio.sleep(0.1)
        call.pause(onset_ms=onset)
        (verdict,) = await call.until(lambda: call.of("verdict"))
        decided_after = call.now - onset
        assert verdict.decision == pb.Verdict.DECISION_CUT
        assert verdict.reason in ("interruption", "timeout"), "a busy machine decides at the last moment"
        assert decided_after <= 650
        greeting, reply = await call.until(lambda: len(turns := call.journal("agent-turn")) == 2 and turns)
        call.end()
        await asyncio.wait_for(worker.idle.wait(), 10)

    cut = next(iter(call.utterances.values()))
    words = LONG.split()
    assert greeting["interrupted"]
    assert greeting["heard"] == " ".join(words[: len(greeting["heard"].split())])
    assert abs(len(greeting["heard"].split()) - cut.position / 800) <= 1, "100 ms a word"
    assert reply["text"] == "You said stop that please."


async def test_a_recorded_conversation_runs_again_as_it_did(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, assistant(), record_events=True)
        await call.until(lambda: call.journal("agent-turn"))
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
        call.end()
        await call.until(lambda: "CallEnded" in call.of("recording")[-1].lines)
    (recording,) = read_recordings("".join(part.lines for part in call.of("recording")).splitlines())
    steps = list(replay(recording))
    assert [type(step.event).__name__ for step in (steps[0], steps[-1])] == ["Started", "CallEnded"]
    assert sum(len(step.commands) for step in steps) > 6
    assert not [step for step in steps if step.differs]


async def test_events_are_not_recorded_unless_the_gateway_asks(speech: bytes) -> None:
    async with served() as (worker, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        call.end()
        await call.until(lambda: worker.load().active_calls == 0)
        assert not call.of("recording")


async def test_a_cough_resumes_at_a_word_border() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, assistant(firstMessage=LONG))
        await call.until(lambda: call.playing and call.playing.position > 4000)
        call.pause(onset_ms=call.now - 40)
        (verdict,) = await call.until(lambda: call.of("verdict"))
        assert (verdict.decision, verdict.reason) == (pb.Verdict.DECISION_RESUME, "noise")
        assert verdict.resume_from % 800 == 0, "words are 800 samples"
        (turn,) = await call.until(lambda: call.journal("agent-turn"))
        assert turn["heard"] == LONG
        assert not turn["interrupted"]


async def test_keys_are_answered() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        for digit in "42#":
            call.send(keypress=pb.Keypress(at_ms=call.now, digit=digit))
        await call.until(lambda: "You said 42." in call.texts())
        assert call.journal("caller-turn")[0]["source"] == "keypad"


async def test_live_control_is_said_and_ends_the_call() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        call.send(say=pb.Say(text="We close now.", end_call_after=True))
        (action,) = await call.until(lambda: call.of("action"))
        assert call.texts()[-1] == "We close now."
        assert not call.utterances[max(call.utterances)].interruptible
        assert action.hangup == pb.Hangup(reason="assistant-ended-call-after-message-spoken", after_playout=True)


async def test_a_phrase_of_the_model_ends_the_call(speech: bytes) -> None:
    plan = assistant(model={"reply": "Have a nice day. Goodbye!"}, endCallPhrases=["Goodbye"])
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, plan)
        call.speak(speech)
        (action,) = await call.until(lambda: call.of("action"))
        assert action.hangup.reason == "assistant-said-end-call-phrase"
        assert call.journal("agent-turn")[-1]["heard"] == "Have a nice day. Goodbye!"


async def test_on_hold_nobody_listens(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        call.send(hold=pb.HoldNotice(at_ms=call.now, held=True))
        call.speak(speech)
        await asyncio.sleep(2.5)
        assert not call.journal("caller-turn")
        call.send(hold=pb.HoldNotice(at_ms=call.now, held=False))
        call.speak(speech)
        await call.until(lambda: call.journal("caller-turn"))


async def test_variables_fill_the_texts() -> None:
    plan = assistant(firstMessage="Hello {{customer.number}}, this is {{ call.id }}.")
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, plan, variables_json=json.dumps({"customer": {"number": "12"}}))
        await call.until(lambda: call.texts() == ["Hello 12, this is call-1."])


def _turns(call: PeerCall, count: int) -> bool:
    return len(call.journal("agent-turn")) == count


async def test_calls_do_not_wait_for_each_other(speech: bytes) -> None:
    async with served() as (worker, address), attached(address) as peer:
        calls = [await greeted(peer, assistant(texts=[f"number {index}"])) for index in range(4)]
        for call in calls:
            call.speak(speech)
        for index, call in enumerate(calls):
            await call.until(partial(_turns, call, 2))
            assert call.texts()[-1] == f"You said number {index}."
        assert worker.load().active_calls == 4


# ---------------------------------------------------------------- failures


async def test_a_model_that_fails_is_apologised_for(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(model={"fail": 99}))
        call.speak(speech)
        (action,) = await call.until(lambda: call.of("action"))
        assert action.hangup.reason == "pipeline-error-custom-llm-llm-failed"
        assert "sorry" in call.texts()[-1]
        assert call.journal("note")[0]["event"] == "failure"


async def test_a_model_that_fails_once_is_asked_again(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(model={"fail": 1}))
        call.speak(speech)
        await call.until(lambda: "You said what time is it." in call.texts())
        assert not call.of("action")


async def test_a_voice_that_fails_leaves_the_caller_to_the_gateway(speech: bytes) -> None:
    plan = assistant()
    plan["voice"]["fail_on"] = "time"
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, plan)
        call.speak(speech)
        (failure,) = await call.until(lambda: call.of("failure"))
        assert failure.reason == "pipeline-error-custom-voice-failed"
        assert "told to fail" in failure.detail


async def test_a_transcriber_that_fails_is_apologised_for(speech: bytes) -> None:
    plan = assistant()
    plan["transcriber"]["fail_after"] = 1
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, plan)
        call.speak(speech)
        (action,) = await call.until(lambda: call.of("action"))
        assert action.hangup.reason == "pipeline-error-custom-transcriber-failed"


async def test_a_session_that_raises_ends_alone(speech: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as (worker, address), attached(address) as peer:
        broken = await greeted(peer, assistant(model={"provider": "tests.worker.fakes:BrokenModel"}))
        whole = await greeted(peer, assistant())
        for call in (broken, whole):
            call.speak(speech)
        (failure,) = await broken.until(lambda: broken.of("failure"))
        assert failure.reason == "pipeline-error-worker-failed"
        assert "ZeroDivisionError" in failure.detail
        await whole.until(lambda: len(whole.journal("agent-turn")) == 2)
        assert worker.load().active_calls == 1
