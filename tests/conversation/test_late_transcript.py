"""Words that are with the transcriber for long, as the turn machine handles the wait."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.commands import SpeechKind
from gateway.conversation.fillers import HOLD, FillerPlan
from gateway.conversation.floor import TRANSCRIPT_MS
from gateway.conversation.plan import TurnPlan
from gateway.conversation.states import State
from tests.conversation.talk import PLAN, Talk

END = 2000
"""Of the caller's speech."""


def asked(plan: TurnPlan = PLAN) -> Talk:
    """The caller has asked something, and the transcriber is silent."""
    talk = Talk(plan)
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.at(2120)
    talk.feed(e.SpeechEnded(2120, END))
    return talk


def covers(talk: Talk) -> list[str]:
    return [speech.text for speech in talk.of(c.PrepareSpeech) if speech.kind is SpeechKind.COVER]


def covering() -> Talk:
    """A phrase plays since 3600."""
    talk = asked()
    talk.at(3600)
    talk.agent_says(covers(talk)[-1])
    assert talk.in_state(State.SPEAKING)
    return talk


def transcribed(talk: Talk, text: str, index: int = 0) -> None:
    talk.feed(e.Transcribed(talk.now, talk.of(c.Transcribe)[index].segment, text))


def test_a_late_transcript_is_covered_as_a_late_model_is_and_takes_no_turn() -> None:
    talk = asked()
    talk.at(3399)
    assert not covers(talk)
    talk.at(3400)
    assert covers(talk) == [PLAN.fillers.phrases[0]], "1 s after the wait of 400 ms"
    assert not talk.of(c.CommitTurn)


def test_without_fillers_it_is_covered_two_seconds_after_the_last_word() -> None:
    talk = asked(replace(PLAN, fillers=FillerPlan(1000, ())))
    talk.at(3999)
    assert not covers(talk)
    talk.at(4000)
    assert covers(talk) == [HOLD]


def test_words_that_come_over_the_phrase_are_answered_behind_it() -> None:
    talk = covering()
    talk.at(4000)
    transcribed(talk, "stop the order")
    assert not talk.of(c.CutUtterances)
    talk.at(4600)
    talk.played(talk.utterance)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["stop the order"]
    assert [reply.text for reply in talk.of(c.PrepareReply)] == ["stop the order"]
    talk.at(6599)
    assert not talk.of(c.Speak), "something was heard up to 4600"
    talk.at(6600)
    assert [speak.text for speak in talk.of(c.Speak)] == [PLAN.fillers.phrases[1]]


def test_words_that_come_before_the_phrase_is_heard_make_it_needless() -> None:
    talk = asked()
    talk.at(3500)
    transcribed(talk, "what time is it")
    (phrase,) = talk.of(c.PrepareSpeech)
    assert talk.of(c.StopReply) == [c.StopReply(phrase.reply)]
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["what time is it"]


def test_a_caller_who_speaks_on_takes_the_phrase_back_and_has_said_it_all() -> None:
    talk = covering()
    talk.at(3760)
    talk.feed(e.SpeechStarted(3760, 3700))
    talk.at(4400)
    talk.feed(e.SpeechEnded(4520, 4400))
    talk.at(4600)
    transcribed(talk, "my number is four two", -1)
    talk.at(6000)
    assert [cut.reason for cut in talk.of(c.CutUtterances)] == ["interruption"]
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["my number is four two"]


def test_a_noise_over_the_phrase_costs_no_word() -> None:
    talk = covering()
    talk.feed(e.SpeechStarted(3760, 3700))
    talk.at(3800)
    transcribed(talk, "what time is it")
    talk.feed(e.EchoHeard(3850, 20.0))
    talk.at(4600)
    talk.played(talk.utterance)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["what time is it"]


def test_a_transcriber_that_fails_ends_the_call_with_its_reason() -> None:
    talk = covering()
    talk.feed(e.TranscriberFailed(4000, "pipeline-error-deepgram-transcriber-failed", "It hangs."))
    talk.at(4600)
    talk.played(talk.utterance)
    assert [speech.kind for speech in talk.of(c.PrepareSpeech)] == [SpeechKind.COVER, SpeechKind.APOLOGY]
    talk.agent_says("Sorry.", interruptible=False)
    talk.played(talk.utterance)
    assert talk.of(c.HangUp) == [c.HangUp("pipeline-error-deepgram-transcriber-failed", after_playout=True)]


def test_a_phrase_that_fails_is_left_out() -> None:
    talk = asked()
    talk.at(3500)
    (phrase,) = talk.of(c.PrepareSpeech)
    talk.feed(e.ReplyFailed(3500, phrase.reply, "pipeline-error-openai-voice-failed", "It hangs.", audible=False))
    assert talk.in_state(State.ENDPOINTING)
    talk.at(3600)
    transcribed(talk, "what time is it")
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["what time is it"]
    assert not talk.of(c.HangUp)


def test_the_question_before_the_wait_still_stands() -> None:
    talk = Talk()
    talk.caller_says("where is my order", 100, 400)
    talk.at(800)
    talk.agent_says("What are the four digits of your order?")
    talk.played(talk.utterance)
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.feed(e.SpeechEnded(2120, END))
    talk.at(4100)
    talk.agent_says(covers(talk)[-1])
    talk.played(talk.utterance)
    talk.at(4300)
    talk.feed(e.SpeechStarted(4400, 4350))
    talk.at(4800)
    talk.feed(e.SpeechEnded(4900, 4800))
    talk.at(5000)
    assert talk.of(c.Transcribe)[-1].expects == "digits:4"


def test_on_hold_the_phrase_ends_and_the_words_are_dropped() -> None:
    talk = covering()
    talk.feed(e.HoldChanged(3700, True))
    assert talk.in_state(State.WAITING)
    assert [cut.reason for cut in talk.of(c.CutUtterances)] == ["hold"]


@pytest.mark.parametrize("voiced", [True, False])
def test_the_wait_has_an_end_whether_the_phrases_are_heard_or_not(voiced: bool) -> None:
    talk = asked()
    while talk.now < END + TRANSCRIPT_MS - 100:
        talk.at(talk.now + 100)
        if voiced and talk.in_state(State.THINKING):
            talk.agent_says(covers(talk)[-1])
            talk.at(talk.now + 900)
            talk.played(talk.utterance)
    assert len(covers(talk)) == (4 if voiced else 1)
    talk.at(END + TRANSCRIPT_MS + 1000)
    assert talk.in_state(State.WAITING)
    assert not talk.of(c.CommitTurn)


@given(st.integers(200, 10_000), st.integers(400, 1_500), st.integers(50, 2_000), st.lists(st.integers(300, 3_000)))
def test_nothing_is_silent_for_longer_than_two_seconds(delay: int, wait: int, noticed: int, phrases: list[int]) -> None:
    """Whatever the plan, and however late the end of speech is noticed; phrases are heard at once, for so long."""
    talk = Talk(replace(PLAN, wait_ms=wait, fillers=replace(PLAN.fillers, delay_ms=delay)))
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.at(END + noticed)
    talk.feed(e.SpeechEnded(talk.now, END))
    heard = END
    for length in phrases:
        due = max(heard + max(2_000, delay), talk.now + 300)
        if due >= END + TRANSCRIPT_MS:
            return
        talk.at(due)
        assert talk.in_state(State.THINKING), f"silent since {heard}"
        talk.agent_says(covers(talk)[-1])
        talk.at(talk.now + length)
        talk.played(talk.utterance)
        heard = talk.now
