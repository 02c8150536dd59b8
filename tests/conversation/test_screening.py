"""The first seconds of an outbound call: who answered, what is said to a human, what is left with a machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.commands import SpeechKind
from gateway.conversation.states import State
from gateway.conversation.voicemail import VoicemailPlan
from tests.conversation.talk import PLAN, Talk

MESSAGE = "Please call the office."
VOICEMAIL = VoicemailPlan(MESSAGE)
OUTBOUND = replace(PLAN, greeting="Hello, this is Ann.", voicemail=VOICEMAIL)


def dialled(**changes: object) -> Talk:
    """An outbound call that was answered at 0 ms."""
    return Talk(replace(OUTBOUND, **changes))  # type: ignore[arg-type]


def machine(**changes: object) -> Talk:
    """A machine answered and began its greeting; the verdict stands, the greeting goes on."""
    talk = dialled(**changes)
    talk.caller_says("hi you have reached Joe", 500, 2000)
    return talk


def spoken(talk: Talk) -> list[SpeechKind]:
    """Kinds of what was committed, in order."""
    kinds = {one.reply: one.kind for one in talk.of(c.PrepareSpeech)}
    return [kinds.get(one.reply, SpeechKind.REPLY) for one in talk.of(c.CommitReply)]


def notes(talk: Talk) -> list[str]:
    return [note.detail for note in talk.of(c.Note) if note.event == "answered-by"]


# ---------------------------------------------------------------- humans


def test_a_human_is_greeted_within_a_second_of_his_hello() -> None:
    talk = dialled()
    talk.caller_says("hello", 800, 1200)
    assert not talk.of(c.CommitReply)
    talk.at(1700)
    assert spoken(talk) == [SpeechKind.GREETING]
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["hello"]
    assert notes(talk) == ["human after 1.7 s: hello"]


def test_a_human_who_says_nothing_is_spoken_to() -> None:
    talk = dialled()
    talk.at(2000)
    assert spoken(talk) == [SpeechKind.GREETING]
    assert not talk.of(c.CommitTurn)


def test_an_assistant_that_waits_answers_what_the_human_says() -> None:
    talk = dialled(greeting="")
    talk.caller_says("hello who is this", 800, 1800)
    talk.at(3500)
    assert [turn.text for turn in talk.of(c.CommitTurn)] == ["hello who is this"]
    assert spoken(talk) == [SpeechKind.REPLY]


def test_a_key_is_pressed_by_a_human() -> None:
    talk = dialled()
    talk.at(300)
    talk.feed(e.KeyPressed(300, "1"))
    talk.at(4000)
    assert [(turn.text, turn.source) for turn in talk.of(c.CommitTurn)] == [("1", "keypad")]
    assert not talk.in_state(State.VOICEMAIL)


def test_without_a_plan_for_voicemail_the_greeting_comes_at_once() -> None:
    talk = dialled(voicemail=None)
    assert spoken(talk) == [SpeechKind.GREETING]
    assert not talk.of(c.Screen)


# ---------------------------------------------------------------- machines


def test_the_message_follows_the_beep_and_then_the_call_is_ended() -> None:
    talk = machine()
    assert talk.in_state(State.VOICEMAIL)
    assert [one.kind for one in talk.of(c.PrepareSpeech)] == [SpeechKind.GREETING, SpeechKind.VOICEMAIL]
    assert not talk.of(c.PrepareSpeech)[-1].interruptible
    talk.at(4000)
    talk.feed(e.BeepHeard(4000, 3920))
    talk.at(4169)
    assert not talk.of(c.CommitReply)
    talk.at(4170)
    assert spoken(talk) == [SpeechKind.VOICEMAIL]
    talk.agent_says(MESSAGE, interruptible=False)
    talk.at(5200)
    talk.played(talk.utterance)
    assert talk.of(c.HangUp) == [c.HangUp("voicemail", after_playout=True)]
    assert [(one.kind, one.heard) for one in talk.of(c.CloseReply)] == [(SpeechKind.VOICEMAIL, MESSAGE)]


def test_without_a_beep_the_message_follows_the_greeting() -> None:
    talk = machine()
    talk.at(2000 + 3499)
    assert not talk.of(c.CommitReply)
    talk.at(2000 + 3500)
    assert spoken(talk) == [SpeechKind.VOICEMAIL]


def test_a_greeting_that_never_ends_meets_the_end_of_patience() -> None:
    talk = machine(voicemail=replace(VOICEMAIL, beep_ms=6000))
    talk.feed(e.SpeechStarted(2400, 2350))
    talk.at(5999)
    assert not talk.of(c.CommitReply)
    talk.at(6000)
    assert spoken(talk) == [SpeechKind.VOICEMAIL]


def test_without_a_message_the_call_is_ended_at_once() -> None:
    talk = machine(voicemail=replace(VOICEMAIL, message=""))
    assert talk.of(c.HangUp) == [c.HangUp("voicemail", after_playout=False)]
    assert not talk.of(c.CommitReply)


def test_a_late_beep_lets_the_message_begin_again_once() -> None:
    talk = machine()
    talk.at(5500)
    talk.agent_says(MESSAGE, interruptible=False)
    talk.at(6000)
    for _ in range(2):
        talk.feed(e.BeepHeard(6000, 5920))
    assert [cut.reason for cut in talk.of(c.CutUtterances)] == ["beep"]
    talk.at(6300)
    assert spoken(talk) == [SpeechKind.VOICEMAIL] * 2
    talk.feed(e.BeepHeard(6300, 6250))
    assert len(talk.of(c.CutUtterances)) == 1


def test_what_the_machine_says_meanwhile_does_not_stop_the_message() -> None:
    talk = machine()
    talk.feed(e.BeepHeard(2400, 2350))
    talk.at(2650)
    talk.feed(e.SpeechStarted(2700, 2660))
    talk.at(3500)
    talk.agent_says(MESSAGE, interruptible=False)
    talk.feed(e.SpeechEnded(3700, 3600))
    talk.at(4500)
    talk.played(talk.utterance)
    assert [hang_up.reason for hang_up in talk.of(c.HangUp)] == ["voicemail"]
    assert not talk.of(c.CutUtterances)


def test_a_machine_that_was_taken_for_a_human_is_found_out_by_its_words() -> None:
    talk = dialled()
    talk.caller_says("hello", 400, 900)
    talk.at(1500)
    talk.agent_says("Hello, this is Ann.")
    talk.caller_says("I can't take your call please leave a message after the tone", 1700, 4000)
    assert talk.in_state(State.VOICEMAIL)
    assert notes(talk)[-1].startswith("machine after 4.3 s")
    talk.feed(e.BeepHeard(4600, 4500))
    talk.at(4750)
    assert spoken(talk)[-1] is SpeechKind.VOICEMAIL


def test_a_human_who_is_not_available_stays_one() -> None:
    talk = dialled()
    talk.caller_says("hello", 400, 900)
    talk.at(1500)
    talk.agent_says("Hello, this is Ann.")
    talk.at(2500)
    talk.played(talk.utterance)
    talk.caller_says("I am not available tomorrow", 3000, 4500)
    talk.at(6000)
    assert spoken(talk) == [SpeechKind.GREETING, SpeechKind.REPLY]


@pytest.mark.parametrize("watch_ms", [3000, 35_000])
def test_after_four_turns_or_the_time_to_watch_nobody_is_a_machine_any_more(watch_ms: int) -> None:
    talk = dialled(voicemail=replace(VOICEMAIL, watch_ms=watch_ms))
    talk.caller_says("hello", 400, 900)
    talk.at(1500)
    talk.agent_says("Hello, this is Ann.")
    talk.at(2500)
    talk.played(talk.utterance)
    for start in (3000, 8000, 13_000):
        talk.caller_says("what do you want", start, start + 1000)
        talk.at(start + 3000)
        talk.agent_says("Nothing.")
        talk.at(start + 4000)
        talk.played(talk.utterance)
    talk.caller_says("then leave a message after the tone", 18_000, 19_000)
    assert not talk.in_state(State.VOICEMAIL)
    assert talk.of(c.Screen)[-1] == c.Screen(beeps=False, foreground=False)


def test_a_beep_instead_of_a_greeting_is_followed_by_the_message() -> None:
    talk = dialled()
    talk.at(900)
    talk.feed(e.BeepHeard(900, 820))
    talk.at(1070)
    assert spoken(talk) == [SpeechKind.VOICEMAIL]
    assert notes(talk) == ["machine after 0.9 s: beep"]


def test_a_beep_after_the_hello_is_a_machine() -> None:
    talk = dialled()
    talk.caller_says("hello", 400, 900)
    talk.at(1500)
    talk.agent_says("Hello, this is Ann.")
    talk.feed(e.BeepHeard(1700, 1620))
    assert talk.in_state(State.VOICEMAIL)
    talk.at(1620 + 250)
    assert spoken(talk)[-1] is SpeechKind.VOICEMAIL


def test_a_message_that_could_not_be_voiced_early_is_tried_again() -> None:
    talk = machine()
    talk.feed(e.ReplyFailed(2400, talk.of(c.PrepareSpeech)[-1].reply, "failed", "why"))
    talk.feed(e.BeepHeard(3000, 2920))
    talk.at(3200)
    assert spoken(talk) == [SpeechKind.VOICEMAIL]
    assert len([one for one in talk.of(c.PrepareSpeech) if one.kind is SpeechKind.VOICEMAIL]) == 2
