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
