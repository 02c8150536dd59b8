"""The caller speaks while the agent does."""

from __future__ import annotations

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.overlap import OverlapPlan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.states import State
from tests.conversation.talk import Talk, speaking


def test_speech_that_goes_on_over_the_agent_cuts_it_where_it_was_heard() -> None:
    talk = speaking("One two three four.")
    talk.at(3000)
    talk.paused(2900, 4500)
    assert talk.in_state(State.OVERLAP)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.at(3659)
    assert talk.in_state(State.OVERLAP)
    talk.at(3660)
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
    talk.at(3660)
    assert talk.of(c.GiveVerdict) == [c.GiveVerdict(1, False, "timeout", talk.of(c.GiveVerdict)[0].resume_from)]
    talk.feed(e.Transcribed(3700, talk.of(c.Transcribe)[-1].segment, "that is wrong"))
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


def test_speech_that_begins_just_before_the_deadline_is_judged_by_its_own() -> None:
    talk = speaking()
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.feed(e.SpeechEnded(3260, 3140))
    talk.at(3600)
    talk.feed(e.SpeechStarted(3600, 3540))
    talk.at(3660)
    assert talk.of(c.GiveVerdict)[0].reason == "timeout"
    assert talk.in_state(State.OVERLAP)
    talk.at(4240)
    assert c.CutUtterances(1, "interruption") in talk.last


def test_speech_that_only_the_worker_heard_cuts_as_well() -> None:
    talk = speaking()
    talk.at(3060)
    talk.feed(e.SpeechStarted(3060, 3000))
    talk.at(3699)
    assert talk.in_state(State.OVERLAP)
    talk.at(3700)
    assert talk.last == [c.StopReply(2), c.CutUtterances(1, "interruption")]


def test_words_of_speech_that_only_the_worker_heard_cut_at_once() -> None:
    talk = speaking()
    talk.at(3060)
    talk.feed(e.SpeechStarted(3060, 3000))
    talk.at(3400)
    (look,) = talk.last
    assert isinstance(look, c.Transcribe)
    assert (look.start_ms, look.end_ms, look.expects) == (2800, 3400, "overlap")
    talk.feed(e.Transcribed(3640, look.segment, "I want another one"))
    assert c.CutUtterances(1, "interruption") in talk.last


def test_an_acknowledgement_is_known_by_its_beginning_when_it_ends_late() -> None:
    talk = speaking()
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.at(3380)
    (look,) = talk.last
    assert isinstance(look, c.Transcribe)
    talk.feed(e.Transcribed(3550, look.segment, "Okay."))
    assert talk.in_state(State.OVERLAP)
    talk.feed(e.SpeechEnded(3580, 3460))
    assert talk.of(c.GiveVerdict)[0].reason == "backchannel"


def test_what_began_as_an_acknowledgement_still_cuts_when_it_goes_on() -> None:
    talk = speaking()
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.at(3380)
    look = talk.of(c.Transcribe)[-1]
    talk.feed(e.Transcribed(3550, look.segment, "Okay"))
    talk.at(3660)
    assert talk.of(c.GiveVerdict)[0].reason == "backchannel"
    again = talk.of(c.Transcribe)[-1]
    assert again.end_ms == 3660
    talk.feed(e.Transcribed(3830, again.segment, "Okay but I"))
    assert c.CutUtterances(1, "interruption") in talk.last


def test_a_dip_inside_an_interruption_is_not_its_end() -> None:
    talk = speaking()
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.feed(e.SpeechEnded(3140, 3080))
    talk.feed(e.SpeechStarted(3220, 3180))
    assert talk.in_state(State.OVERLAP)
    talk.at(3660)
    assert c.GiveVerdict(1, True, "interruption") in talk.last
    talk.feed(e.SpeechEnded(4120, 4000))
    talk.at(4160)
    assert talk.of(c.Transcribe)[-1].start_ms == 2700


def test_talk_in_the_room_resumes_and_is_no_turn_until_the_caller_speaks() -> None:
    talk = speaking()
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.at(3240)
    talk.feed(e.SpeechMeasured(3240, 2900, -14.0, 0.6))
    assert talk.of(c.GiveVerdict)[0].reason == "side-talk"
    assert talk.in_state(State.SPEAKING)
    talk.feed(e.SpeechMeasured(3340, 2900, -13.0, 0.6))
    assert talk.in_state(State.SPEAKING)
    talk.feed(e.SpeechMeasured(3440, 3400, 0.0, 0.6))
    assert talk.in_state(State.OVERLAP)
    talk.at(4300)
    assert c.CutUtterances(1, "interruption") in talk.all


def test_side_talk_that_ended_is_forgotten() -> None:
    talk = speaking()
    talk.at(3000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.feed(e.SpeechMeasured(3240, 2900, -14.0, 0.6))
    talk.feed(e.SpeechEnded(4000, 3900))
    talk.at(4500)
    assert len(talk.of(c.Transcribe)) == 1, "the caller's own turn"
    talk.played(1)
    assert talk.in_state(State.WAITING)


def test_our_own_voice_resumes_as_echo() -> None:
    talk = speaking()
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.feed(e.EchoHeard(3200, 14.0))
    assert talk.of(c.GiveVerdict)[0].reason == "echo"
    talk.feed(e.SpeechEnded(3200, 3180))
    talk.at(4500)
    assert len(talk.of(c.Transcribe)) == 1, "the caller's own turn"


def test_words_that_only_repeat_the_agent_are_echo() -> None:
    talk = speaking("It is half past ten in the morning.")
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.feed(e.SpeechEnded(3260, 3140))
    talk.feed(e.Transcribed(3340, talk.of(c.Transcribe)[-1].segment, "Is half past ten in the"))
    assert talk.of(c.GiveVerdict)[0].reason == "echo"


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
    talk.at(3700)
    talk.feed(e.SpeechEnded(3870, 3750))
    talk.at(3910)
    talk.feed(e.Transcribed(3950, talk.of(c.Transcribe)[-1].segment, "never mind"))
    talk.at(4699)
    assert len(talk.of(c.CommitTurn)) == 1
    talk.at(4700)
    assert len(talk.of(c.CommitTurn)) == 2


def test_it_holds_back_from_when_it_fell_silent() -> None:
    talk = speaking()
    talk.at(3000)
    talk.paused(2900, 4000)
    talk.feed(e.SpeechStarted(3040, 2900))
    talk.at(3660)
    talk.feed(e.SpeechEnded(3720, 3660))
    talk.at(3820)
    talk.feed(e.Transcribed(3850, talk.of(c.Transcribe)[-1].segment, "never mind"))
    talk.at(3899)
    assert len(talk.of(c.CommitTurn)) == 1
    talk.at(4100)
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


def test_speech_that_goes_on_while_the_agent_has_to_think_takes_the_reply_back() -> None:
    talk = Talk(TurnPlan(overlap=OverlapPlan(num_words=3)))
    talk.caller_says("where is my order", 1000, 2000)
    talk.at(2400)
    talk.agent_says("One moment.", finished=False)
    talk.feed(e.SpeechStarted(2960, 2900))
    talk.at(3700)
    assert talk.in_state(State.SPEAKING)
    talk.played(1)
    talk.at(3701)
    assert talk.in_state(State.LISTENING)


def test_words_over_the_agent_that_come_while_it_thinks_are_not_lost() -> None:
    talk = Talk()
    talk.caller_says("where is my order", 1000, 2000)
    talk.at(2400)
    talk.agent_says("One moment.", finished=False)
    talk.feed(e.SpeechStarted(2960, 2900))
    talk.feed(e.SpeechEnded(3260, 3140))
    talk.at(3600)
    talk.played(1)
    assert talk.in_state(State.THINKING)
    talk.feed(e.Transcribed(3650, talk.of(c.Transcribe)[-1].segment, "the second one"))
    talk.at(6000)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["where is my order", "the second one"]


def test_speech_before_a_protected_greeting_is_heard_does_not_take_it_away() -> None:
    talk = Talk(TurnPlan(greeting="This call is recorded.", greeting_interruptible=False))
    talk.feed(e.SpeechStarted(160, 100))
    talk.feed(e.SpeechEnded(1120, 1000))
    assert not talk.of(c.StopReply)
    talk.feed(e.Transcribed(1300, talk.of(c.Transcribe)[-1].segment, "good morning"))
    talk.agent_says("This call is recorded.", interruptible=False)
    talk.at(3000)
    talk.played(1)
    talk.at(4000)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["good morning"]


def test_words_that_come_within_a_later_noise_still_cut() -> None:
    talk = Talk(TurnPlan(overlap=OverlapPlan(num_words=2)))
    talk.caller_says("what time is it", 1000, 2000)
    talk.at(2400)
    talk.agent_says("It is half past ten in the morning.")
    talk.feed(e.SpeechStarted(3060, 3000))
    talk.at(4620)
    talk.feed(e.SpeechEnded(4620, 4500))
    asked = talk.of(c.Transcribe)[-1]
    talk.feed(e.SpeechStarted(4760, 4700))
    assert talk.in_state(State.OVERLAP)
    talk.feed(e.Transcribed(4800, asked.segment, "no the other one"))
    assert talk.of(c.CutUtterances) == [c.CutUtterances(1, "interruption")]


def test_who_still_speaks_when_a_passage_is_over_has_the_floor() -> None:
    talk = Talk()
    talk.caller_says("what does it cost", 1000, 2000)
    talk.at(2400)
    talk.agent_says("It is not paid back.", interruptible=False, finished=False)
    talk.agent_says("Shall I go on?")
    talk.feed(e.SpeechStarted(3060, 3000))
    talk.at(3400)
    talk.played(1)
    talk.at(3000 + 700)
    assert talk.of(c.CutUtterances) == [c.CutUtterances(2, "interruption")]
    assert talk.in_state(State.LISTENING)
