"""Turns, tools, failures and ends: what happens when, and what the turn machine makes of it."""

from __future__ import annotations

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.endpointing import PATIENCE_MS
from gateway.conversation.floor import TRANSCRIPT_MS
from gateway.conversation.plan import TurnPlan
from gateway.conversation.silence import Prompt, SilencePlan
from gateway.conversation.states import State
from gateway.conversation.turn import TurnMachine
from tests.conversation.talk import PLAN, Talk, speaking

ASKED_HALFWAY = TurnPlan(silence=SilencePlan(20_000, prompts=(Prompt(10_000, ("Still there?",)),)))

# ---------------------------------------------------------------- turns


def test_the_greeting_is_prepared_before_the_answer_and_plays_after_it() -> None:
    talk = Talk(TurnPlan(greeting="Hello."), answered=False)
    assert talk.last == [c.PrepareSpeech(1, 0, "Hello.", c.SpeechKind.GREETING, True)]
    talk.feed(e.Answered(500))
    assert talk.last == [c.CommitReply(1)]
    talk.agent_says("Hello.")
    assert talk.in_state(State.SPEAKING)
    talk.played(1)
    assert talk.last == [c.CloseReply(1, 0, c.SpeechKind.GREETING, "Hello.", "Hello.", False)]
    assert talk.in_state(State.WAITING)


def test_a_reply_is_prepared_during_the_wait_and_committed_at_its_end() -> None:
    talk = Talk()
    talk.caller_says("what time is it", 1000, 2000)
    assert talk.of(c.Transcribe) == [c.Transcribe(1, 800, 2100)]
    assert talk.last == [c.PrepareReply(2, 1, "what time is it")]
    assert talk.in_state(State.ENDPOINTING)
    talk.at(2399)
    assert not talk.of(c.CommitTurn)
    talk.at(2400)
    assert talk.last == [c.CommitTurn(1, "what time is it", 1000, 2000, 2400, 2310), c.CommitReply(2)]


def test_the_wait_counts_from_the_last_speech_when_the_transcript_is_late() -> None:
    talk = Talk()
    talk.at(1060)
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.feed(e.SpeechEnded(2120, 2000))
    talk.at(3000)
    assert talk.in_state(State.ENDPOINTING)
    talk.feed(e.Transcribed(3000, 1, "hello"))
    assert [type(command) for command in talk.last] == [c.PrepareReply, c.CommitTurn, c.CommitReply]


def test_an_open_sentence_is_given_more_time() -> None:
    talk = Talk()
    talk.caller_says("my number is", 1000, 2000)
    talk.at(1999 + PATIENCE_MS)
    assert not talk.of(c.CommitTurn)
    talk.at(2000 + PATIENCE_MS)
    assert talk.of(c.CommitTurn)


def test_speech_that_goes_on_replaces_the_segment_and_the_speculation() -> None:
    talk = Talk()
    talk.caller_says("what time", 1000, 2000)
    talk.feed(e.SpeechStarted(2350, 2320))
    assert not talk.of(c.StopReply), "the speculation stands until the text is another one"
    talk.at(2900)
    talk.feed(e.SpeechEnded(2920, 2800))
    assert talk.last == [c.Transcribe(3, 800, 2900)]
    talk.feed(e.Transcribed(3000, 3, "what time is it in Rome"))
    assert talk.last == [c.StopReply(2), c.PrepareReply(4, 1, "what time is it in Rome")]
    talk.at(3400)
    assert talk.of(c.CommitReply) == [c.CommitReply(4)]


def test_a_noise_after_the_turn_does_not_throw_the_speculation_away() -> None:
    talk = Talk()
    talk.caller_says("my number is", 1000, 2000)
    talk.caller_says("my number is", 2600, 2700)
    talk.at(5000)
    assert talk.of(c.CommitReply) == [c.CommitReply(2)]
    assert talk.of(c.PrepareReply) == [c.PrepareReply(2, 1, "my number is")]


def test_a_caller_who_was_cut_off_in_a_pause_is_given_more_time() -> None:
    talk = Talk()
    talk.caller_says("I bought a washing machine", 1000, 2000)
    talk.at(2400)
    assert len(talk.of(c.CommitTurn)) == 1
    talk.at(2560)
    talk.feed(e.SpeechStarted(2560, 2500))
    talk.at(3500)
    talk.feed(e.SpeechEnded(3620, 3500))
    talk.feed(e.Transcribed(3700, talk.of(c.Transcribe)[-1].segment, "two weeks ago"))
    talk.at(4099)
    assert len(talk.of(c.CommitTurn)) == 1
    talk.at(4100)
    assert len(talk.of(c.CommitTurn)) == 2


def test_speech_without_words_is_no_turn() -> None:
    talk = Talk()
    talk.caller_says("", 1000, 1500)
    assert talk.in_state(State.WAITING)
    assert not talk.of(c.PrepareReply)


def test_a_transcript_that_never_comes_does_not_hold_the_call() -> None:
    talk = Talk()
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.feed(e.SpeechEnded(2120, 2000))
    talk.at(2000 + TRANSCRIPT_MS)
    assert talk.in_state(State.WAITING)


def test_endless_speech_is_transcribed_in_pieces() -> None:
    talk = Talk()
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.at(45_000)
    assert [(asked.start_ms, asked.end_ms) for asked in talk.of(c.Transcribe)] == [(800, 21_000), (20_800, 41_000)]


def test_a_caller_who_goes_on_before_the_agent_spoke_takes_the_reply_back() -> None:
    talk = Talk()
    talk.caller_says("what time is it", 1000, 2000)
    talk.at(2400)
    assert talk.in_state(State.THINKING)
    talk.feed(e.SpeechStarted(2560, 2500))
    talk.at(2700)
    assert talk.in_state(State.LISTENING)
    assert talk.last == [c.StopReply(2)]
    talk.feed(e.SpeechEnded(3120, 3000))
    talk.at(3160)
    talk.feed(e.Transcribed(3300, talk.of(c.Transcribe)[-1].segment, "in Rome"))
    talk.at(3600)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["what time is it", "in Rome"]


def test_a_blip_before_the_agent_spoke_changes_nothing() -> None:
    talk = Talk()
    talk.caller_says("what time is it", 1000, 2000)
    talk.at(2400)
    talk.feed(e.SpeechStarted(2560, 2500))
    talk.feed(e.SpeechEnded(2680, 2600))
    talk.at(3000)
    assert talk.in_state(State.THINKING)
    assert not talk.of(c.StopReply)


def test_keys_are_a_turn_that_hash_ends() -> None:
    talk = Talk()
    for index, digit in enumerate("42#"):
        talk.feed(e.KeyPressed(1000 + 300 * index, digit))
    talk.at(1601)
    assert [(turn.text, turn.source) for turn in talk.of(c.CommitTurn)] == [("42", "keypad")]


def test_keys_without_hash_wait_for_more() -> None:
    talk = Talk()
    talk.feed(e.KeyPressed(1000, "4"))
    talk.at(2999)
    assert not talk.of(c.CommitTurn)
    talk.at(3000)
    assert talk.of(c.CommitTurn)


# ---------------------------------------------------------------- tools, failures, the end


def test_a_slow_tool_is_covered_once() -> None:
    talk = Talk()
    talk.caller_says("where is my order", 1000, 2000)
    talk.at(2400)
    talk.feed(e.ToolStarted(2400, 2, "t", 20_000))
    talk.at(3399)
    assert not talk.of(c.Speak)
    talk.at(3400)
    assert talk.last == [c.Speak(2, PLAN.fillers.phrases[0], filler=True)]
    talk.at(9000)
    assert len(talk.of(c.Speak)) == 1


def test_a_quick_tool_is_not() -> None:
    talk = Talk()
    talk.caller_says("where is my order", 1000, 2000)
    talk.at(2400)
    talk.feed(e.ToolStarted(2400, 2, "t", 20_000))
    talk.feed(e.ToolEnded(2900, 2, "t"))
    talk.at(3000)
    talk.agent_says("It is on its way.")
    talk.at(5000)
    assert not talk.of(c.Speak)


def test_a_slow_tool_is_not_a_reply_that_failed() -> None:
    talk = Talk()
    talk.caller_says("where is my order", 1000, 2000)
    talk.at(2400)
    talk.feed(e.ToolStarted(2400, 2, "t", 60_000))
    talk.at(62_000)
    assert talk.in_state(State.THINKING)
    talk.at(78_000)
    assert talk.of(c.Note)


def test_the_end_call_tool_says_the_farewell_and_hangs_up_after_it() -> None:
    talk = Talk(TurnPlan(farewell="Bye."))
    talk.caller_says("that is all", 1000, 2000)
    talk.at(2400)
    talk.feed(e.EndRequested(2500, 2, "assistant-ended-call"))
    assert talk.last == [c.Speak(2, "Bye.", interruptible=False)]
    talk.agent_says("Bye.", interruptible=False)
    assert not talk.of(c.HangUp)
    talk.played(1)
    assert talk.last[-1] == c.HangUp("assistant-ended-call", after_playout=True)
    assert talk.in_state(State.ENDING)


def test_an_end_call_phrase_ends_the_call_without_another_farewell() -> None:
    talk = Talk(TurnPlan(farewell="Bye."))
    talk.caller_says("that is all", 1000, 2000)
    talk.at(2400)
    talk.feed(e.EndRequested(2500, 2, "assistant-said-end-call-phrase", farewell=True))
    talk.agent_says("Have a nice day.")
    talk.played(1)
    assert not talk.of(c.Speak)
    assert talk.of(c.HangUp) == [c.HangUp("assistant-said-end-call-phrase", after_playout=True)]


def test_silence_is_asked_about_once_and_then_ends_the_call() -> None:
    talk = Talk(ASKED_HALFWAY)
    talk.at(10_000)
    assert [speech.kind for speech in talk.of(c.PrepareSpeech)] == [c.SpeechKind.REPROMPT]
    talk.agent_says("Are you still there?")
    talk.at(11_000)
    talk.played(1)
    talk.at(21_000)
    assert talk.of(c.HangUp) == [c.HangUp("silence-timed-out", after_playout=False)]


def test_noise_does_not_put_the_end_off() -> None:
    talk = Talk(ASKED_HALFWAY)
    for start in range(1000, 9000, 2000):
        talk.caller_says("", start, start + 300)
    talk.at(10_000)
    assert talk.of(c.PrepareSpeech)


def test_the_longest_call_ends() -> None:
    talk = Talk(TurnPlan(max_duration_ms=60_000, silence=SilencePlan(500_000, prompts=())))
    talk.at(60_000)
    assert talk.last[-2:] == [
        c.PrepareSpeech(1, 0, "Goodbye.", c.SpeechKind.FAREWELL, interruptible=False),
        c.CommitReply(1),
    ]
    talk.agent_says("Goodbye.", interruptible=False)
    talk.played(1)
    assert talk.of(c.HangUp) == [c.HangUp("exceeded-max-duration", after_playout=True)]


def test_a_model_that_fails_is_apologised_for_and_ends_the_call() -> None:
    talk = Talk()
    talk.caller_says("hello", 1000, 2000)
    talk.at(2400)
    talk.feed(e.ReplyFailed(2500, 2, "pipeline-error-custom-llm-llm-failed", "The model failed."))
    assert c.Note("failure", "The model failed.") in talk.last
    talk.agent_says(PLAN.apology, interruptible=False)
    talk.played(1)
    assert talk.of(c.HangUp) == [c.HangUp("pipeline-error-custom-llm-llm-failed", after_playout=True)]


def test_a_voice_that_fails_leaves_the_apology_to_the_gateway() -> None:
    talk = Talk()
    talk.caller_says("hello", 1000, 2000)
    talk.at(2400)
    talk.feed(e.ReplyFailed(2500, 2, "pipeline-error-custom-voice-failed", "No voice.", audible=False))
    assert talk.last[-1] == c.Fail("pipeline-error-custom-voice-failed", "No voice.")


def test_a_speculation_that_fails_is_tried_again_at_the_commit() -> None:
    talk = Talk()
    talk.caller_says("hello", 1000, 2000)
    talk.feed(e.ReplyFailed(2350, 2, "r", "d"))
    talk.at(2400)
    assert [type(command) for command in talk.last] == [c.PrepareReply, c.CommitTurn, c.CommitReply]


def test_live_control_speaks_when_the_agent_has_finished() -> None:
    talk = speaking("It is ten.")
    talk.feed(e.SayRequested(2100, "Your time is up.", end_call_after=True))
    assert not talk.of(c.PrepareSpeech)
    talk.played(1)
    assert talk.of(c.PrepareSpeech)[-1].text == "Your time is up."
    talk.agent_says("Your time is up.", interruptible=False)
    talk.played(2)
    assert talk.of(c.HangUp)[-1].reason == "assistant-ended-call-after-message-spoken"


def test_nobody_listens_on_hold() -> None:
    talk = Talk(ASKED_HALFWAY)
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.feed(e.HoldChanged(1500, True))
    talk.feed(e.SpeechStarted(2060, 2000))
    talk.at(60_000)
    assert talk.in_state(State.WAITING)
    assert not talk.of(c.Transcribe)
    assert not talk.of(c.HangUp)


def test_an_utterance_that_does_not_move_is_cut() -> None:
    talk = speaking()
    talk.at(5_001)
    assert talk.of(c.CutUtterances) == [c.CutUtterances(1, "stalled")]
    assert talk.in_state(State.WAITING)


def test_an_utterance_may_wait_longer_for_its_voice() -> None:
    talk = Talk()
    talk.caller_says("what time is it", 1000, 1400)
    talk.at(2000)
    talk.feed(e.UtteranceQueued(2000, 2, 1, "It is ten."))
    talk.at(9_000)
    assert talk.in_state(State.SPEAKING)
    talk.feed(e.UtteranceVoiced(9_000, 1, 8000, True))
    talk.at(11_999)
    assert talk.in_state(State.SPEAKING)
    talk.at(12_001)
    assert talk.of(c.CutUtterances) == [c.CutUtterances(1, "stalled")]


def test_an_utterance_that_stands_still_on_hold_is_not_cut() -> None:
    talk = speaking()
    talk.feed(e.HoldChanged(2500, True))
    talk.at(60_000)
    assert talk.in_state(State.SPEAKING)
    talk.feed(e.HoldChanged(60_000, False))
    talk.at(63_001)
    assert talk.of(c.CutUtterances) == [c.CutUtterances(1, "stalled")]


def test_speech_that_never_ends_and_has_no_words_is_a_noise() -> None:
    talk = Talk(TurnPlan(silence=SilencePlan(60_000, prompts=())))
    talk.at(1060)
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.at(21_300)
    talk.feed(e.Transcribed(21_300, talk.of(c.Transcribe)[-1].segment, ""))
    talk.at(21_500)
    talk.feed(e.Transcribed(21_500, talk.of(c.Transcribe)[-1].segment, ""))
    assert talk.in_state(State.WAITING)


def test_words_before_an_endless_noise_are_a_turn() -> None:
    talk = Talk()
    talk.at(1060)
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.at(21_300)
    talk.feed(e.Transcribed(21_300, talk.of(c.Transcribe)[-1].segment, "what time is it"))
    talk.at(41_300)
    talk.feed(e.Transcribed(41_300, talk.of(c.Transcribe)[-1].segment, ""))
    talk.at(41_500)
    talk.feed(e.Transcribed(41_500, talk.of(c.Transcribe)[-1].segment, ""))
    talk.at(42_500)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["what time is it"]


def test_the_end_is_told_again_with_the_same_reason() -> None:
    talk = Talk(TurnPlan(farewell="Bye."))
    talk.caller_says("that is all", 1000, 2000)
    talk.at(2400)
    talk.feed(e.EndRequested(2500, 2, "assistant-ended-call"))
    talk.feed(e.ReplyFailed(2600, 2, "pipeline-error-custom-voice-failed", "No voice.", audible=False))
    assert talk.last[-1] == c.Fail("pipeline-error-custom-voice-failed", "No voice.")
    talk.at(20_000)
    assert talk.last == [c.HangUp("pipeline-error-custom-voice-failed", after_playout=False)]


# ---------------------------------------------------------------- going on after another worker


def test_a_resumed_call_answers_what_nobody_answered() -> None:
    talk = Talk(TurnPlan(greeting="Hello."), answered=False)
    machine = TurnMachine(TurnPlan(greeting="Hello."))
    assert machine.handle(e.Started(9000, True, turn=3, answer="where is it")) == [
        c.PrepareReply(1, 3, ""),
        c.CommitReply(1),
    ]
    assert talk.machine.state is State.OPENING


def test_a_resumed_call_says_the_rest() -> None:
    machine = TurnMachine(TurnPlan(greeting="Hello."))
    commands = machine.handle(e.Started(9000, True, turn=3, rest="and eighty."))
    assert commands == [c.PrepareSpeech(1, 3, "and eighty.", c.SpeechKind.CONTINUATION, True), c.CommitReply(1)]


def test_a_resumed_call_without_debts_waits_and_does_not_greet() -> None:
    machine = TurnMachine(TurnPlan(greeting="Hello."))
    assert machine.handle(e.Started(9000, True, turn=3)) == []
    assert machine.state is State.WAITING


def test_a_reply_is_said_to_its_end_before_the_apology() -> None:
    talk = Talk()
    talk.caller_says("what time is it", 1000, 1400)
    talk.at(2000)
    reply = talk.agent_says("It is ten.", finished=False)
    talk.feed(e.TranscriberFailed(2100, "pipeline-error-custom-transcriber-failed", "It ended."))
    talk.played(1)
    assert not talk.of(c.PrepareSpeech), "more of the reply is on its way"
    talk.agent_says("In the morning.")
    talk.played(2)
    assert [(speech.kind, speech.reply > reply) for speech in talk.of(c.PrepareSpeech)] == [("apology", True)]


def test_what_left_before_its_reply_was_stopped_is_cut() -> None:
    talk = Talk()
    talk.caller_says("what time is it", 1000, 1400)
    talk.at(2000)
    stopped = talk.of(c.CommitReply)[-1].reply
    talk.feed(e.KeyPressed(2000, "1"))
    talk.feed(e.UtteranceQueued(2000, stopped, 1, "It is ten."))
    assert talk.last == [c.CutUtterances(1, "stopped")]
