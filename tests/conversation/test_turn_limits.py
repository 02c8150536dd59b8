"""Silence, the longest call, keys and fillers, as the turn machine handles them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.fillers import HOLD, FillerPlan
from gateway.conversation.keypad import EXPECTED_MS, TYPING_MS, KeypadPlan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.silence import Prompt, SilencePlan
from gateway.conversation.states import State
from tests.conversation.talk import PLAN, Talk, speaking

SILENT = replace(
    PLAN, silence=SilencePlan(30_000, "We hang up.", (Prompt(10_000, ("Hello?", "Still there?"), most=2),))
)
SHORT = replace(PLAN, max_duration_ms=60_000, farewell="Goodbye now.", silence=SilencePlan(500_000, prompts=()))


def said(talk: Talk) -> list[str]:
    return [speech.text for speech in talk.of(c.PrepareSpeech)]


def hear(talk: Talk, text: str, *, ms: int = 1000, interruptible: bool = True) -> None:
    """The agent says a text that takes `ms`."""
    talk.agent_says(text, interruptible=interruptible)
    talk.at(talk.now + ms)
    talk.played(talk.utterance)


# ---------------------------------------------------------------- silence


def test_a_silent_caller_is_asked_told_and_left() -> None:
    talk = Talk(SILENT)
    talk.at(10_000)
    hear(talk, "Hello?")
    talk.at(21_000)
    hear(talk, "Still there?")
    talk.at(31_999)
    assert said(talk) == ["Hello?", "Still there?"]
    talk.at(32_000)
    hear(talk, "We hang up.")
    assert said(talk)[-1] == "We hang up."
    assert talk.of(c.HangUp) == [c.HangUp("silence-timed-out", after_playout=True)]


def test_a_caller_who_answers_the_last_words_stays() -> None:
    talk = Talk(replace(SILENT, silence=SilencePlan(10_000, "We hang up.", ())))
    talk.at(10_000)
    talk.agent_says("We hang up.")
    talk.feed(e.SpeechStarted(10_200, 10_150))
    talk.at(10_900)
    assert talk.in_state(State.LISTENING)
    talk.feed(e.SpeechEnded(11_000, 10_900))
    talk.at(11_060)
    talk.feed(e.Transcribed(11_100, talk.of(c.Transcribe)[-1].segment, "no wait"))
    talk.at(12_000)
    talk.agent_says("Yes?")
    talk.played(talk.utterance)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["no wait"]
    assert not talk.of(c.HangUp)


def test_silence_counts_from_the_end_of_what_was_heard() -> None:
    talk = Talk(SILENT)
    talk.caller_says("what time is it", 1000, 2000)
    talk.at(2400)
    hear(talk, "It is ten.", ms=2_500)
    talk.at(14_899)
    assert not said(talk)
    talk.at(14_900)
    assert said(talk) == ["Hello?"]


def test_no_prompt_comes_while_a_tool_of_an_interrupted_reply_runs() -> None:
    talk = Talk(SILENT)
    talk.caller_says("where is my order", 1000, 2000)
    talk.at(2400)
    talk.feed(e.ToolStarted(2400, 2, "t", 20_000))
    talk.feed(e.SpeechStarted(2700, 2650))
    talk.at(3000)
    talk.feed(e.SpeechEnded(3100, 3000))
    talk.at(3200)
    talk.feed(e.Transcribed(3300, talk.of(c.Transcribe)[-1].segment, ""))
    assert talk.in_state(State.THINKING)
    talk.at(15_000)
    talk.feed(e.ToolEnded(15_000, 2, "t"))
    hear(talk, "It is on its way.")
    talk.at(25_999)
    assert not said(talk)
    talk.at(26_000)
    assert said(talk)[0] == "Hello?"


def test_a_prompt_that_ends_the_call_ends_it() -> None:
    plan = SilencePlan(30_000, prompts=(Prompt(5_000, ("Bye.",), ends_call=True),))
    talk = Talk(replace(PLAN, silence=plan))
    talk.at(5_000)
    hear(talk, "Bye.")
    assert talk.of(c.HangUp) == [c.HangUp("assistant-ended-call", after_playout=True)]


def test_the_question_before_a_prompt_still_stands() -> None:
    talk = Talk(SILENT)
    talk.caller_says("where is my order", 1000, 2000)
    talk.at(2400)
    hear(talk, "What are the four digits of your order?")
    talk.at(15_000)
    hear(talk, "Hello?")
    talk.caller_says("one two three four", 18_000, 19_000)
    assert talk.of(c.Transcribe)[-1].expects == "digits:4"


def test_without_a_message_the_call_just_ends() -> None:
    talk = Talk(replace(PLAN, silence=SilencePlan(5_000, prompts=())))
    talk.at(5_000)
    assert talk.of(c.HangUp) == [c.HangUp("silence-timed-out", after_playout=False)]


# ---------------------------------------------------------------- the longest call


def test_at_the_end_of_the_longest_call_what_is_said_makes_place_for_a_goodbye() -> None:
    talk = Talk(SHORT)
    talk.caller_says("tell me all", 57_000, 58_000)
    talk.at(59_000)
    talk.agent_says("This is a very long story.", finished=False)
    talk.at(60_000)
    assert [type(command) for command in talk.last[:2]] == [c.StopReply, c.CutUtterances]
    assert said(talk) == ["Goodbye now."]
    talk.played(1, 4000, e.PlayoutState.CUT)
    hear(talk, "Goodbye now.", interruptible=False)
    assert talk.of(c.HangUp) == [c.HangUp("exceeded-max-duration", after_playout=True)]


def test_the_caller_cannot_talk_the_goodbye_away() -> None:
    talk = Talk(SHORT)
    talk.at(60_000)
    talk.feed(e.SpeechStarted(60_060, 60_000))
    talk.at(61_000)
    talk.feed(e.KeyPressed(61_000, "1"))
    assert not talk.of(c.StopReply)
    hear(talk, "Goodbye now.", interruptible=False)
    assert talk.of(c.HangUp) == [c.HangUp("exceeded-max-duration", after_playout=True)]


def test_a_goodbye_that_nobody_makes_does_not_prolong_the_call() -> None:
    talk = Talk(SHORT)
    talk.at(68_000)
    assert talk.of(c.HangUp) == [c.HangUp("exceeded-max-duration", after_playout=False)]


def test_a_goodbye_that_is_being_said_is_not_cut_by_the_end_of_the_longest_call() -> None:
    talk = Talk(SHORT)
    talk.caller_says("that is all", 58_000, 59_000)
    talk.at(59_400)
    talk.feed(e.EndRequested(59_500, 2, "assistant-ended-call"))
    talk.agent_says("Goodbye now.", interruptible=False)
    talk.at(60_000)
    assert not talk.of(c.CutUtterances)
    talk.played(1)
    assert talk.of(c.HangUp) == [c.HangUp("assistant-ended-call", after_playout=True)]


# ---------------------------------------------------------------- keys


def pressed(talk: Talk, keys: str, start: int) -> None:
    for index, key in enumerate(keys):
        talk.at(start + 300 * index)
        talk.feed(e.KeyPressed(talk.now, key))


@pytest.mark.parametrize(
    ("plan", "at", "text"),
    [
        (KeypadPlan(delimiters="*"), 1301, "4"),
        (KeypadPlan(timeout_ms=500, delimiters=""), 1801, "4*"),
        (KeypadPlan(timeout_ms=3_000), 4_301, "4*"),
    ],
)
def test_keys_become_a_turn_as_the_plan_says(plan: KeypadPlan, at: int, text: str) -> None:
    talk = Talk(replace(PLAN, keypad=plan))
    pressed(talk, "4*", 1000)
    talk.at(at - 3)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ([text] if plan.ended("4*") else [])
    talk.at(at)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == [text]


def test_as_many_keys_as_were_asked_for_are_taken_soon() -> None:
    talk = speaking("Please give me the two digits of your table.")
    talk.played(1)
    pressed(talk, "42", 4000)
    talk.at(4300 + EXPECTED_MS)
    assert talk.of(c.CommitTurn)[-1].text == "42"


def test_no_answer_is_made_for_every_key_but_in_good_time_for_all_of_them() -> None:
    talk = Talk()
    pressed(talk, "4711", 1000)
    assert not talk.of(c.PrepareReply)
    talk.at(1900 + TYPING_MS)
    assert [reply.text for reply in talk.of(c.PrepareReply)] == ["4711"]
    talk.at(3900)
    assert len(talk.of(c.PrepareReply)) == len(talk.of(c.CommitReply)) == 1


def test_keys_that_are_not_wanted_are_noted_and_do_nothing() -> None:
    talk = Talk(replace(PLAN, keypad=KeypadPlan(enabled=False)))
    pressed(talk, "1", 500)
    talk.caller_says("what time is it", 1000, 1400)
    talk.at(2000)
    talk.agent_says("It is ten.")
    talk.feed(e.KeyPressed(2100, "4"))
    assert talk.in_state(State.SPEAKING)
    talk.played(1)
    talk.feed(e.KeyPressed(3500, "#"))
    assert talk.in_state(State.WAITING)
    assert [note.detail for note in talk.of(c.Note)] == ["1", "4", "#"]
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["what time is it"]


def test_keys_come_after_the_words_that_were_spoken_before_them() -> None:
    """The detector notices the end of speech later than the caller reaches the keys."""
    talk = Talk()
    talk.feed(e.SpeechStarted(1060, 1000))
    pressed(talk, "42#", 2050)
    talk.feed(e.SpeechEnded(2700, 2000))
    talk.at(2870)
    talk.feed(e.Transcribed(2900, talk.of(c.Transcribe)[-1].segment, "my number is"))
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["my number is 42"]


def test_words_after_keys_come_after_them() -> None:
    talk = Talk()
    pressed(talk, "42", 1000)
    talk.caller_says("I think", 2000, 2600)
    talk.at(4000)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["42 I think"]


# ---------------------------------------------------------------- fillers


def asked(plan: TurnPlan = PLAN) -> Talk:
    """The caller has asked, and the turn was taken at 2400."""
    talk = Talk(plan)
    talk.caller_says("where is my order", 1000, 2000)
    talk.at(2400)
    return talk


def fillers(talk: Talk) -> list[str]:
    return [speak.text for speak in talk.of(c.Speak) if speak.filler]


def filled(talk: Talk, text: str) -> None:
    """The filler is spoken and heard."""
    reply = talk.of(c.CommitReply)[-1].reply
    talk.utterance += 1
    talk.feed(e.UtteranceQueued(talk.now, reply, talk.utterance, text, filler=True))
    talk.feed(e.UtteranceVoiced(talk.now, talk.utterance, 8000, True))
    talk.at(talk.now + 1000)
    talk.played(talk.utterance)


def test_a_slow_model_is_covered_again_and_again() -> None:
    talk = asked()
    first, second, third = PLAN.fillers.phrases
    for moment, expected in ((3400, first), (6400, second), (9400, third), (12_400, first)):
        talk.at(moment - 1)
        count = len(fillers(talk))
        talk.at(moment)
        assert fillers(talk)[count:] == [expected], "2 s after the last sound"
        filled(talk, expected)
        assert talk.in_state(State.THINKING)


def test_phrases_do_not_put_off_the_end_of_a_reply_that_never_comes() -> None:
    talk = asked()
    while talk.now < 2400 + 15_000:
        talk.at(talk.now + 100)
        if talk.in_state(State.THINKING) and len(fillers(talk)) > talk.utterance:
            filled(talk, fillers(talk)[-1])
    talk.at(20_000)
    assert [note.event for note in talk.of(c.Note)] == ["failure"]


def test_without_fillers_a_model_that_must_have_failed_is_covered_all_the_same() -> None:
    talk = asked(replace(PLAN, fillers=FillerPlan(1000, ())))
    talk.at(3999)
    assert not fillers(talk)
    talk.at(4000)
    assert fillers(talk) == [HOLD], "2 s after the caller's last word"


def test_without_fillers_a_slow_tool_is_not_covered() -> None:
    talk = asked(replace(PLAN, fillers=FillerPlan(1000, ())))
    talk.feed(e.ToolStarted(2500, talk.of(c.CommitReply)[-1].reply, "call-1", 20_000))
    talk.at(12_000)
    talk.feed(e.ToolEnded(12_000, talk.of(c.CommitReply)[-1].reply, "call-1"))
    assert not fillers(talk)
    talk.at(14_400)
    assert fillers(talk) == [HOLD]


def test_a_turn_that_was_taken_late_is_covered_earlier() -> None:
    talk = Talk()
    talk.feed(e.SpeechStarted(1060, 1000))
    talk.feed(e.SpeechEnded(2100, 2000))
    talk.at(4000)
    talk.feed(e.Transcribed(4000, talk.of(c.Transcribe)[-1].segment, "where is my order"))
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["where is my order"]
    talk.at(4299)
    assert not fillers(talk)
    talk.at(4300)
    assert len(fillers(talk)) == 1


def test_an_answer_in_time_needs_no_filler() -> None:
    talk = asked()
    talk.at(3399)
    talk.agent_says("It is on its way.")
    talk.at(9_000)
    assert not fillers(talk)


def test_silence_in_the_middle_of_an_answer_is_covered_later() -> None:
    talk = asked()
    talk.at(3000)
    talk.agent_says("I am looking.", finished=False)
    talk.at(4000)
    talk.played(1)
    talk.at(5999)
    assert not fillers(talk)
    talk.at(6000)
    assert len(fillers(talk)) == 1


def test_nothing_is_said_into_the_callers_words() -> None:
    talk = asked()
    talk.feed(e.SpeechStarted(3350, 3300))
    talk.at(3420)
    assert not fillers(talk)


def test_a_single_phrase_comes_later_in_the_answer_after_one_that_had_it() -> None:
    talk = asked(replace(PLAN, fillers=FillerPlan(1000, ("Hm.",))))
    talk.at(3400)
    filled(talk, "Hm.")
    hear(talk, "On its way.")
    for start in (10_000, 20_000, 30_000):
        talk.caller_says("and where is it", start, start + 800)
        count = len(fillers(talk))
        talk.at(start + 2799)
        assert len(fillers(talk)) == count
        talk.at(start + 2800)
        assert len(fillers(talk)) == count + 1
        filled(talk, "Hm.")
        hear(talk, "In Rome.")


def test_an_interruption_ends_filler_and_answer() -> None:
    talk = asked()
    talk.at(3400)
    reply = talk.of(c.CommitReply)[-1].reply
    talk.feed(e.UtteranceQueued(3450, reply, 1, "One moment, please.", filler=True))
    talk.feed(e.UtteranceQueued(3500, reply, 2, "It is in Rome."))
    talk.feed(e.SpeechStarted(3600, 3550))
    talk.at(4300)
    assert talk.of(c.StopReply)[-1] == c.StopReply(reply)
    assert talk.of(c.CutUtterances) == [c.CutUtterances(2, "interruption")]


def test_a_filler_is_no_farewell() -> None:
    talk = asked()
    talk.at(3400)
    filled(talk, "One moment, please.")
    talk.feed(e.EndRequested(4500, talk.of(c.CommitReply)[-1].reply, "assistant-ended-call"))
    assert talk.of(c.Speak)[-1].text == "Goodbye."


def test_a_conversation_that_goes_on_elsewhere_remembers_its_last_filler() -> None:
    plan = replace(PLAN, fillers=FillerPlan(1000, ("Hm.",)))
    for turn, expected in ((3, []), (5, ["Hm."])):
        started = e.Started(0, True, turn=turn, answer="where is it", filler="Hm.", filler_turn=2)
        talk = Talk(plan, answered=False, started=started)
        talk.at(1000)
        assert fillers(talk) == expected


@pytest.mark.parametrize("heard", [False, True])
def test_nothing_covers_the_silence_on_hold_and_who_comes_back_waits_from_then_on(heard: bool) -> None:
    talk = asked()
    if heard:
        talk.at(3400)
        filled(talk, PLAN.fillers.phrases[0])
    said, due = list(fillers(talk)), 12_000 if heard else 11_000
    talk.feed(e.HoldChanged(talk.now, True))
    talk.at(10_000)
    talk.feed(e.HoldChanged(10_000, False))
    talk.at(due - 1)
    assert fillers(talk) == said
    talk.at(due)
    assert len(fillers(talk)) == len(said) + 1


def test_a_reply_that_goes_on_during_a_hold_is_not_covered() -> None:
    talk = asked()
    talk.feed(e.HoldChanged(2400, True))
    reply = talk.agent_says("It left.", finished=False)
    talk.played(1)
    assert talk.in_state(State.THINKING)
    talk.feed(e.ToolStarted(talk.now, reply, "call-1", 60_000))
    talk.at(40_000)
    assert not fillers(talk)
