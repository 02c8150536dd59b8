"""Conversations as scripts: what happens when, and what the turn machine makes of it."""

from __future__ import annotations

from typing import TypeVar

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.overlap import OverlapPlan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.states import State
from gateway.conversation.turn import TurnMachine

Wanted = TypeVar("Wanted", bound=c.Command)

ACKNOWLEDGEMENTS = ("okay", "mhm", "yes")
PLAN = TurnPlan(overlap=OverlapPlan(acknowledgements=ACKNOWLEDGEMENTS, interruptions=("stop", "wait")))


class Talk:
    """A machine with a clock: `at` moves time and lets every deadline on the way pass."""

    def __init__(self, plan: TurnPlan = PLAN, *, answered: bool = True) -> None:
        self.machine = TurnMachine(plan)
        self.now = 0
        self.all: list[c.Command] = []
        self.last: list[c.Command] = []
        self.utterance = 0
        self.feed(e.Started(0))
        if answered:
            self.feed(e.Answered(0))

    def feed(self, event: e.Event) -> list[c.Command]:
        self.last = self.machine.handle(event)
        self.all += self.last
        return self.last

    def at(self, ms: int) -> list[c.Command]:
        """Let time pass until `ms`; returns what came of it."""
        passed: list[c.Command] = []
        while (deadline := self.machine.deadline) is not None and deadline <= ms:
            passed += self.feed(e.TimePassed(deadline))
        self.now = ms
        self.last = passed
        return passed

    def of(self, kind: type[Wanted]) -> list[Wanted]:
        return [command for command in self.all if isinstance(command, kind)]

    def in_state(self, state: State) -> bool:
        return self.machine.state is state

    # ------------------------------------------------------------ what parties do

    def caller_says(self, text: str, start: int, end: int) -> None:
        """Speech, its end noticed 120 ms late, its transcript 150 ms after it was asked for."""
        self.at(start + 60)
        self.feed(e.SpeechStarted(self.now, start))
        self.at(end + 120)
        self.feed(e.SpeechEnded(self.now, end))
        self.at(end + 160)
        asked = self.of(c.Transcribe)[-1]
        self.at(end + 310)
        self.feed(e.Transcribed(self.now, asked.segment, text))

    def agent_says(self, *texts: str, finished: bool = True, interruptible: bool = True) -> int:
        """The committed reply is queued, clause by clause; returns its id."""
        reply = self.of(c.CommitReply)[-1].reply
        for text in texts:
            self.utterance += 1
            self.feed(e.UtteranceQueued(self.now, reply, self.utterance, text, interruptible))
            self.feed(e.UtteranceVoiced(self.now, self.utterance, 8000, True))
        if finished:
            self.feed(e.ReplyFinished(self.now, reply))
        return reply

    def played(self, utterance: int, position: int = 8000, state: e.PlayoutState = e.PlayoutState.FINISHED) -> None:
        self.feed(e.PlayoutReported(self.now, utterance, position, state))

    def paused(self, onset: int, position: int) -> None:
        self.feed(e.PauseNoticed(self.now, 1, onset, self.utterance, position, onset + 500))


def speaking(*texts: str, interruptible: bool = True) -> Talk:
    """A talk in which the agent has begun to answer at 2000 ms."""
    talk = Talk()
    talk.caller_says("what time is it", 1000, 1400)
    talk.at(2000)
    talk.agent_says(*(texts or ("It is half past ten in the morning.",)), interruptible=interruptible)
    assert talk.in_state(State.SPEAKING)
    return talk


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
    talk.at(3199)
    assert not talk.of(c.CommitTurn)
    talk.at(3200)
    assert talk.of(c.CommitTurn)


def test_speech_that_goes_on_replaces_the_segment_and_the_speculation() -> None:
    talk = Talk()
    talk.caller_says("what time", 1000, 2000)
    talk.feed(e.SpeechStarted(2350, 2320))
    assert not talk.of(c.StopReply), "the speculation stands until the text is another one"
    talk.at(2900)
    talk.feed(e.SpeechEnded(2920, 2800))
    talk.at(2970)
    assert talk.last == [c.Transcribe(3, 800, 2900)]
    talk.feed(e.Transcribed(3000, 3, "what time is it in Rome"))
    assert talk.last == [c.StopReply(2), c.PrepareReply(4, 1, "what time is it in Rome")]
    talk.at(3400)
    assert talk.of(c.CommitReply) == [c.CommitReply(4)]


def test_a_noise_after_the_turn_does_not_throw_the_speculation_away() -> None:
    talk = Talk()
    talk.caller_says("my number is", 1000, 2000)
    talk.caller_says("", 2600, 2700)
    talk.at(4000)
    assert talk.of(c.CommitReply) == [c.CommitReply(2)]
    assert talk.of(c.PrepareReply) == [c.PrepareReply(2, 1, "my number is")]


def test_speech_without_words_is_no_turn() -> None:
    talk = Talk()
    talk.caller_says("", 1000, 1500)
    assert talk.in_state(State.WAITING)
    assert not talk.of(c.PrepareReply)


def test_a_transcript_that_never_comes_does_not_hold_the_call() -> None:
    talk = Talk()
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.feed(e.SpeechEnded(2120, 2000))
    talk.at(8000)
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
    talk.at(3400)
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


# ---------------------------------------------------------------- overlap


def test_speech_that_goes_on_over_the_agent_cuts_it_where_it_was_heard() -> None:
    talk = speaking("One two three four.")
    talk.at(3000)
    talk.paused(2900, 4500)
    assert talk.in_state(State.OVERLAP)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.at(3350)
    assert talk.last == [c.GiveVerdict(1, True, "interruption"), c.StopReply(2), c.CutUtterances(1, "interruption")]
    assert talk.in_state(State.LISTENING)
    talk.played(1, 4600, e.PlayoutState.CUT)
    assert talk.last == [c.CloseReply(2, 1, c.SpeechKind.REPLY, "One two three four.", "One two", True)]


def test_a_short_sound_resumes_at_the_word_that_was_cut() -> None:
    talk = speaking("One two three four.")
    talk.at(3000)
    talk.paused(2900, 4500)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.feed(e.SpeechEnded(3120, 3000))
    talk.at(3200)
    assert talk.last == [c.GiveVerdict(1, False, "noise", 8 * 8000 // 19)]
    assert talk.in_state(State.SPEAKING)


def test_an_acknowledgement_resumes_and_is_no_turn() -> None:
    talk = speaking()
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.feed(e.SpeechEnded(3260, 3140))
    asked = talk.of(c.Transcribe)[-1]
    assert (asked.start_ms, asked.end_ms) == (2700, 3240)
    talk.feed(e.Transcribed(3340, asked.segment, "Okay."))
    assert talk.of(c.GiveVerdict)[0].reason == "backchannel"
    talk.at(4000)
    talk.played(1)
    assert talk.in_state(State.WAITING)


def test_a_word_that_interrupts_cuts_although_it_was_short() -> None:
    talk = speaking()
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.feed(e.SpeechEnded(3260, 3140))
    talk.feed(e.Transcribed(3340, talk.of(c.Transcribe)[-1].segment, "Stop!"))
    assert c.GiveVerdict(1, True, "interruption") in talk.last
    talk.at(5000)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["what time is it", "Stop!"]


def test_words_that_come_after_the_resume_still_cut() -> None:
    talk = speaking()
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.feed(e.SpeechEnded(3260, 3140))
    talk.at(3400)
    assert talk.of(c.GiveVerdict) == [c.GiveVerdict(1, False, "timeout", talk.of(c.GiveVerdict)[0].resume_from)]
    talk.feed(e.Transcribed(3600, talk.of(c.Transcribe)[-1].segment, "that is wrong"))
    assert c.CutUtterances(1, "interruption") in talk.last


def test_a_plan_that_counts_words_is_not_satisfied_by_sound() -> None:
    talk = Talk(TurnPlan(greeting="A long greeting.", overlap=OverlapPlan(num_words=2)))
    talk.agent_says("A long greeting.")
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.at(2500)
    assert not talk.of(c.CutUtterances)
    talk.feed(e.SpeechEnded(2620, 2500))
    talk.feed(e.Transcribed(2800, talk.of(c.Transcribe)[-1].segment, "hold it"))
    assert talk.of(c.CutUtterances) == [c.CutUtterances(1, "interruption")]


def test_speech_that_only_the_worker_heard_cuts_as_well() -> None:
    talk = speaking()
    talk.at(3060)
    talk.feed(e.SpeechStarted(3060, 3000))
    talk.at(3450)
    assert talk.last == [c.StopReply(2), c.CutUtterances(1, "interruption")]


def test_yes_at_the_end_of_a_question_is_an_answer() -> None:
    talk = speaking("Shall I book the table?")
    talk.at(3000)
    talk.paused(2900, 7000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.feed(e.SpeechEnded(3260, 3140))
    talk.feed(e.Transcribed(3340, talk.of(c.Transcribe)[-1].segment, "Yes."))
    assert talk.of(c.GiveVerdict)[0].reason == "backchannel"
    talk.at(3600)
    talk.played(1)
    talk.at(4200)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["what time is it", "Yes."]


def test_speech_over_an_uninterruptible_passage_is_answered_after_it() -> None:
    talk = speaking("Please listen to all of this.", interruptible=False)
    talk.at(2560)
    talk.feed(e.SpeechStarted(2560, 2500))
    talk.feed(e.SpeechEnded(3120, 3000))
    talk.feed(e.Transcribed(3300, talk.of(c.Transcribe)[-1].segment, "I have a question"))
    assert not talk.of(c.CutUtterances)
    talk.at(4000)
    talk.played(1)
    talk.at(4100)
    assert talk.of(c.CommitTurn)[-1].text == "I have a question"


def test_after_an_interruption_the_agent_holds_back() -> None:
    talk = speaking()
    talk.at(3060)
    talk.feed(e.SpeechStarted(3060, 3000))
    talk.at(3450)
    talk.feed(e.SpeechEnded(3620, 3500))
    talk.at(3660)
    talk.feed(e.Transcribed(3700, talk.of(c.Transcribe)[-1].segment, "never mind"))
    talk.at(4449)
    assert len(talk.of(c.CommitTurn)) == 1
    talk.at(4450)
    assert len(talk.of(c.CommitTurn)) == 2


def test_a_key_cuts_the_agent_at_once() -> None:
    talk = speaking()
    talk.at(3000)
    talk.feed(e.KeyPressed(3000, "1"))
    assert c.CutUtterances(1, "keypad") in talk.last


def test_a_pause_of_an_utterance_that_was_cut_gets_its_verdict_too() -> None:
    talk = speaking()
    talk.at(3000)
    talk.feed(e.KeyPressed(3000, "1"))
    talk.paused(2990, 4000)
    assert talk.last == [c.GiveVerdict(1, True, "stale")]


# ---------------------------------------------------------------- tools, failures, the end


def test_a_slow_tool_is_covered_once() -> None:
    talk = Talk()
    talk.caller_says("where is my order", 1000, 2000)
    talk.at(2400)
    talk.feed(e.ToolStarted(2400, 2, "t", 20_000))
    talk.at(3099)
    assert not talk.of(c.Speak)
    talk.at(3100)
    assert talk.last == [c.Speak(2, PLAN.filler)]
    talk.at(9000)
    assert len(talk.of(c.Speak)) == 1


def test_a_quick_tool_is_not() -> None:
    talk = Talk()
    talk.caller_says("where is my order", 1000, 2000)
    talk.at(2400)
    talk.feed(e.ToolStarted(2400, 2, "t", 20_000))
    talk.feed(e.ToolEnded(2900, 2, "t"))
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
    talk = Talk(TurnPlan(silence_ms=20_000))
    talk.at(10_000)
    assert [speech.kind for speech in talk.of(c.PrepareSpeech)] == [c.SpeechKind.REPROMPT]
    talk.agent_says("Are you still there?")
    talk.at(11_000)
    talk.played(1)
    talk.at(21_000)
    assert talk.of(c.HangUp) == [c.HangUp("silence-timed-out", after_playout=False)]


def test_noise_does_not_put_the_end_off() -> None:
    talk = Talk(TurnPlan(silence_ms=20_000))
    for start in range(1000, 9000, 2000):
        talk.caller_says("", start, start + 300)
    talk.at(10_000)
    assert talk.of(c.PrepareSpeech)


def test_the_longest_call_ends() -> None:
    talk = Talk(TurnPlan(max_duration_ms=60_000, silence_ms=500_000))
    talk.at(60_000)
    assert talk.of(c.HangUp) == [c.HangUp("exceeded-max-duration", after_playout=False)]


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
    talk = Talk(TurnPlan(silence_ms=20_000))
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.feed(e.HoldChanged(1500, True))
    talk.feed(e.SpeechStarted(2060, 2000))
    talk.at(60_000)
    assert talk.in_state(State.WAITING)
    assert not talk.of(c.Transcribe)
    assert not talk.of(c.HangUp)


def test_an_utterance_that_does_not_move_is_cut() -> None:
    talk = speaking()
    talk.at(12_001)
    assert talk.of(c.CutUtterances) == [c.CutUtterances(1, "stalled")]
    assert talk.in_state(State.WAITING)


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
