"""Silence, keys, fillers, passages and the end of a call, over a real gRPC stream."""

from __future__ import annotations

from gateway.link.v1 import link_pb2 as pb
from tests.worker.peer import PeerCall, attached, served
from tests.worker.test_conversation import answered, assistant, greeted
from tests.worker.test_resume import go_on


def last_words(call: PeerCall) -> tuple[str, bool]:
    """The last text, and whether it had been heard when the call was ended."""
    last = call.utterances[max(call.utterances)]
    return last.text, last.over


# ---------------------------------------------------------------- silence and the end


async def test_a_silent_caller_is_asked_and_then_told_goodbye() -> None:
    messages = {"idleMessages": ["Still there, {{call.id}}?"], "idleTimeoutSeconds": 1, "silenceTimeoutMessage": "Bye."}
    plan = assistant(silenceTimeoutSeconds=5, messagePlan={**messages, "idleMessageMaxSpokenCount": 2})
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, plan)
        (action,) = await call.until(lambda: call.of("action"))
        assert call.texts() == ["Hello there.", "Still there, call-1?", "Still there, call-1?", "Bye."]
        assert action.hangup == pb.Hangup(reason="silence-timed-out", after_playout=True)
        assert last_words(call) == ("Bye.", True)


async def test_a_hook_ends_the_call() -> None:
    actions = [{"type": "say", "exact": "I hang up."}, {"type": "tool", "tool": {"type": "endCall"}}]
    hook = {"on": "customer.speech.timeout", "options": {"timeoutSeconds": 1}, "do": actions}
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, assistant(hooks=[hook]))
        (action,) = await call.until(lambda: call.of("action"))
        assert action.hangup == pb.Hangup(reason="assistant-ended-call", after_playout=True)
        assert last_words(call) == ("I hang up.", True)


async def test_the_longest_call_ends_with_a_goodbye() -> None:
    plan = assistant(maxDurationSeconds=10, endCallMessage="Our time is up.", model={"delay_ms": 60_000})
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, plan)
        (action,) = await call.until(lambda: call.of("action"), 20)
        assert action.hangup == pb.Hangup(reason="exceeded-max-duration", after_playout=True)
        assert last_words(call) == ("Our time is up.", True)


async def test_a_phrase_across_clauses_ends_the_call_when_all_was_heard(speech: bytes) -> None:
    model = {"reply": "All the best. Good, bye! Take care of yourself."}
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(model=model, endCallPhrases=["best good-bye"]))
        call.speak(speech)
        (action,) = await call.until(lambda: call.of("action"))
        assert action.hangup == pb.Hangup(reason="assistant-said-end-call-phrase", after_playout=True)
        assert last_words(call) == ("Take care of yourself.", True)


async def test_a_phrase_inside_a_word_does_not(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(model={"reply": "Take the bypass road."}, endCallPhrases=["by", "bye"]))
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
        assert not call.of("action")


# ---------------------------------------------------------------- keys


async def test_keys_are_taken_at_the_delimiter_of_the_plan() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(keypadInputPlan={"delimiters": "*", "timeoutSeconds": 10}))
        for digit in "4#*":
            call.send(keypress=pb.Keypress(at_ms=call.now, digit=digit))
        await call.until(lambda: call.journal("caller-turn"), 5)
        assert call.journal("caller-turn")[0]["text"] == "4#"


async def test_keys_that_are_not_wanted_are_in_the_journal_only() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, assistant(firstMessage="One two three four.", keypadInputPlan={"enabled": False}))
        await call.until(lambda: call.playing)
        call.send(keypress=pb.Keypress(at_ms=call.now, digit="4"))
        (turn,) = await call.until(lambda: call.journal("agent-turn"))
        assert not turn["interrupted"]
        assert call.journal("note") == [{"event": "key", "detail": "4"}]


# ---------------------------------------------------------------- fillers


async def test_a_slow_model_is_covered_and_the_answer_follows_the_filler(speech: bytes) -> None:
    plan = assistant(model={"delay_ms": 1200}, fillerPlan={"delaySeconds": 0.3, "phrases": ["Let me see now please."]})
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, plan)
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
        filler, answer = list(call.utterances.values())[1:]
        (latency,) = call.journal("latency")
    assert (filler.text, answer.text) == ("Let me see now please.", "You said what time is it.")
    assert call.journal("agent-turn")[1]["heard"] == "Let me see now please. You said what time is it."
    assert latency["utterance"] == answer.id, "the latency is that of the answer"
    assert latency["model"] > 500


async def test_a_caller_who_goes_on_silences_filler_and_answer(speech: bytes) -> None:
    phrases = ["One two three four five six seven eight nine ten."]
    plan = assistant(model={"delay_ms": 900}, fillerPlan={"delaySeconds": 0.2, "phrases": phrases})
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, plan)
        call.speak(speech)
        await call.until(lambda: len(call.utterances) == 2)
        call.speak(speech)
        await call.until(lambda: call.journal("interruption"))
        turn = (await call.until(lambda: len(turns := call.journal("agent-turn")) == 2 and turns))[1]
    assert turn["interrupted"]
    assert phrases[0].startswith(turn["heard"])


async def test_an_answer_that_the_voice_does_not_begin_is_covered(speech: bytes) -> None:
    voice = {"provider": "tests.worker.fakes:ToneVoice", "word_ms": 100, "hang_on": "time"}
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(voice=voice))
        end_ms = call.speak(speech)
        (failure,) = await call.until(lambda: call.of("failure"))
        print(f"silent for {call.first_audio_ms[1] - end_ms} ms, given up {call.now - end_ms} ms after the question")
    assert call.texts()[1] == "One moment, please."
    assert failure.reason == "pipeline-error-custom-voice-failed"


async def test_a_filler_is_no_answer_when_the_worker_is_lost(speech: bytes) -> None:
    plan = assistant(model={"delay_ms": 60_000}, fillerPlan={"delaySeconds": 0.2, "phrases": ["Let me see."]})
    async with served() as (_, first), served() as (_, second):
        async with attached(first) as peer:
            call = await greeted(peer, plan)
            call.speak(speech)
            await call.until(lambda: "Let me see." in call.texts())
        async with attached(second) as peer:
            successor = peer.call()
            go_on(call, successor, {**plan, "model": {**plan["model"], "delay_ms": 600}})
            await successor.until(lambda: successor.journal("agent-turn"))
    assert successor.texts()[-1] == "You said what time is it.", "and the filler was said already"


# ---------------------------------------------------------------- passages

NOTICE = "Sure. <uninterruptible>This call is recorded.</uninterruptible> And how are you?"


async def test_a_passage_of_the_model_is_uninterruptible_and_its_mark_is_nowhere(speech: bytes) -> None:
    plan = assistant(model={"reply": NOTICE.replace("is recorded", "is  recorded")}, texts=["hello"])
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, plan)
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
        spoken = [(said.text, said.interruptible) for said in list(call.utterances.values())[1:]]
    assert spoken == [("Sure.", True), ("This call is recorded.", False), ("And how are you?", True)]
    assert call.journal("agent-turn")[1]["text"] == "Sure. This call is recorded. And how are you?"


async def test_a_passage_of_the_greeting_outlives_the_worker() -> None:
    plan = assistant(firstMessage="One two three four five. <uninterruptible>Six seven.</uninterruptible> Eight.")
    async with served() as (_, first), served() as (_, second):
        async with attached(first) as peer:
            call = await answered(peer, plan)
            await call.until(lambda: len(call.utterances) == 3 and call.playing and call.playing.position > 800)
        async with attached(second) as peer:
            successor = peer.call()
            go_on(call, successor, plan)
            await successor.until(lambda: len(successor.journal("agent-turn")) == 2)
    assert ("Six seven.", False) in [(said.text, said.interruptible) for said in successor.utterances.values()]
    assert "<" not in str(successor.of("journal"))


async def test_what_is_said_over_a_passage_is_answered_after_it(speech: bytes) -> None:
    words = "This call is recorded and you may object to that at any time by telling us so."
    plan = assistant(firstMessage=f"<uninterruptible>{words}</uninterruptible>")
    plan["voice"]["word_ms"] = 250
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, plan)
        await call.until(lambda: call.playing)
        call.speak(speech)
        greeting, answer = await call.until(lambda: len(turns := call.journal("agent-turn")) == 2 and turns)
    assert greeting["heard"] == words
    assert answer["text"] == "You said what time is it."


async def test_live_control_may_be_uninterruptible() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        call.send(say=pb.Say(text="Attention please.", uninterruptible=True))
        call.send(say=pb.Say(text="Go on."))
        await call.until(lambda: len(call.journal("agent-turn")) == 3)
        assert [said.interruptible for said in call.utterances.values()] == [True, False, True]
