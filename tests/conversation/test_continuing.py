"""Replies that broke off although nobody took the floor."""

from __future__ import annotations

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.plan import TurnPlan
from gateway.conversation.silence import Prompt, SilencePlan
from gateway.conversation.states import State
from tests.conversation.talk import PLAN, Talk, speaking


def noise(talk: Talk, start: int, end: int) -> None:
    """A sound that the detector takes for speech, and that has no words."""
    talk.at(start + 60)
    talk.feed(e.SpeechStarted(talk.now, start))
    talk.at(end + 120)
    talk.feed(e.SpeechEnded(talk.now, end))
    talk.at(end + 160)
    asked = talk.of(c.Transcribe)[-1]
    talk.at(end + 300)
    talk.feed(e.Transcribed(talk.now, asked.segment, ""))


def test_a_reply_that_a_noise_took_back_is_asked_for_again() -> None:
    talk = Talk()
    talk.caller_says("what time is it", 1000, 2000)
    talk.at(2400)
    noise(talk, 2600, 3200)
    assert talk.last == [c.PrepareReply(4, 1, ""), c.CommitReply(4)]
    assert talk.in_state(State.THINKING)


def test_a_known_text_that_a_noise_cut_goes_on_at_the_first_word_that_was_not_heard() -> None:
    talk = speaking("One two three four.")
    talk.at(3000)
    talk.paused(2900, 4500)
    noise(talk, 2900, 3900)
    assert talk.of(c.CloseReply)[0].heard == "One two"
    assert [(speech.kind, speech.text) for speech in talk.of(c.PrepareSpeech)] == [("continuation", "three four.")]
    assert talk.in_state(State.THINKING)


def test_the_model_is_asked_again_when_the_rest_is_not_known() -> None:
    talk = Talk()
    talk.caller_says("what time is it", 1000, 2000)
    talk.at(2400)
    talk.agent_says("One two three four.", finished=False)
    talk.at(3000)
    talk.paused(2900, 4500)
    noise(talk, 2900, 3900)
    assert [reply.text for reply in talk.of(c.PrepareReply)] == ["what time is it", ""]
    assert not talk.of(c.PrepareSpeech)


def test_what_the_gateway_cut_by_itself_goes_on_and_has_no_holes() -> None:
    talk = speaking("One two three four.", "Five six.")
    talk.played(1, 4500, e.PlayoutState.CUT)
    assert talk.of(c.CutUtterances) == [c.CutUtterances(2, "overtaken")]
    assert talk.of(c.CloseReply)[0].heard == "One two"
    assert talk.of(c.PrepareSpeech)[0].text == "three four. Five six."


def test_what_was_to_end_the_call_still_does() -> None:
    talk = Talk(TurnPlan(farewell="", overlap=PLAN.overlap))
    talk.caller_says("that is all", 1000, 2000)
    talk.at(2400)
    talk.feed(e.EndRequested(2400, 2, "assistant-said-end-call-phrase", farewell=True, words=True))
    talk.agent_says("Have a nice day my friend.")
    talk.at(3000)
    talk.paused(2900, 2000)
    noise(talk, 2900, 3900)
    talk.agent_says("a nice day my friend.")
    talk.played(2)
    assert talk.of(c.HangUp) == [c.HangUp("assistant-said-end-call-phrase", after_playout=True)]


def test_a_caller_with_words_has_the_floor() -> None:
    talk = speaking("One two three four.")
    talk.at(3000)
    talk.paused(2900, 4500)
    talk.caller_says("no the other one", 2900, 3900)
    talk.at(6000)
    assert talk.of(c.CommitTurn)[-1].text == "no the other one"
    assert not talk.of(c.PrepareSpeech)
    noise(talk, 7000, 7600)
    assert talk.of(c.PrepareReply)[-1].text == "", "the new answer is owed, the old one is not"


def test_a_reminder_that_was_cut_is_not_said_again() -> None:
    talk = Talk(
        TurnPlan(
            silence=SilencePlan(30_000, prompts=(Prompt(10_000, ("Are you still there?",)),)), overlap=PLAN.overlap
        )
    )
    talk.at(10_000)
    talk.agent_says("Are you still there?")
    talk.at(10_400)
    talk.paused(10_300, 1000)
    noise(talk, 10_300, 11_000)
    assert talk.in_state(State.WAITING)
