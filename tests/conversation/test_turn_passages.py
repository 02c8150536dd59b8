"""Uninterruptible passages: nothing stops them, and nothing that is said over them is lost."""

from __future__ import annotations

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.states import State
from tests.conversation.talk import Talk, speaking

NOTICE = "This call is recorded."
REST = "Now, how can I help you today?"


def in_passage(*, rest: str = REST) -> Talk:
    """The agent says the notice since 2000 ms, with the rest behind it."""
    talk = speaking(NOTICE, interruptible=False)
    if rest:
        talk.machine.reply.finished = False  # type: ignore[union-attr]
        talk.agent_says(rest)
    return talk


def over_it(talk: Talk, text: str, start: int = 2100, end: int = 2700) -> None:
    """The caller speaks over the passage."""
    talk.caller_says(text, start, end)


def turns(talk: Talk) -> list[str]:
    return [turn.text for turn in talk.of(c.CommitTurn)][1:]


def test_speech_over_a_passage_is_answered_when_it_is_over() -> None:
    talk = in_passage()
    over_it(talk, "I want to cancel")
    assert talk.in_state(State.SPEAKING)
    talk.played(1)
    assert talk.of(c.CutUtterances) == [c.CutUtterances(2, "interruption")]
    talk.at(4000)
    assert turns(talk) == ["I want to cancel"]


def test_an_acknowledgement_of_a_passage_does_not_stop_the_rest() -> None:
    talk = in_passage()
    over_it(talk, "mhm")
    talk.played(1)
    talk.at(5000)
    talk.played(2)
    assert not talk.of(c.CutUtterances)
    talk.at(7000)
    assert turns(talk) == []


def test_speech_over_the_last_passage_is_the_next_turn() -> None:
    talk = in_passage(rest="")
    over_it(talk, "I want to cancel")
    talk.played(1)
    talk.at(4000)
    assert turns(talk) == ["I want to cancel"]


def test_speech_that_goes_on_when_the_passage_is_over_is_heard_whole() -> None:
    talk = in_passage(rest="")
    talk.feed(e.SpeechStarted(2160, 2100))
    talk.at(2600)
    talk.played(1)
    assert talk.in_state(State.LISTENING)
    talk.feed(e.SpeechEnded(3120, 3000))
    talk.at(3160)
    assert talk.of(c.Transcribe)[-1].start_ms == 1900


def test_who_still_speaks_when_the_passage_is_over_interrupts_what_follows() -> None:
    talk = in_passage()
    talk.feed(e.SpeechStarted(2160, 2100))
    talk.at(2900)
    talk.played(1)
    assert talk.of(c.CutUtterances) == [c.CutUtterances(2, "interruption")]


def test_a_noise_at_the_end_of_a_passage_does_not_lose_what_was_said_over_it() -> None:
    talk = in_passage()
    over_it(talk, "I want to cancel")
    talk.feed(e.SpeechStarted(3100, 3050))
    talk.played(1)
    talk.feed(e.SpeechEnded(3250, 3150))
    talk.at(3400)
    asked = talk.of(c.Transcribe)[-1]
    assert asked.start_ms < 2100, "the whole span again"
    talk.feed(e.Transcribed(3500, asked.segment, "I want to cancel"))
    talk.at(6000)
    assert turns(talk) == ["I want to cancel"]


def test_speech_that_ends_while_more_of_the_reply_is_made_is_kept() -> None:
    talk = speaking(NOTICE, interruptible=False)
    talk.machine.reply.finished = False  # type: ignore[union-attr]
    talk.feed(e.SpeechStarted(2160, 2100))
    talk.at(2600)
    talk.played(1)
    assert talk.in_state(State.THINKING)
    talk.feed(e.SpeechEnded(2820, 2700))
    talk.feed(e.Transcribed(3000, talk.of(c.Transcribe)[-1].segment, "I want to cancel"))
    talk.at(3100)
    talk.agent_says("All right.")
    talk.played(2)
    talk.at(5000)
    assert turns(talk) == ["I want to cancel"]


def test_keys_over_a_passage_are_kept() -> None:
    talk = in_passage(rest="")
    for digit in "42#":
        talk.feed(e.KeyPressed(2200, digit))
    assert talk.in_state(State.SPEAKING)
    talk.at(2900)
    talk.played(1)
    talk.at(3000)
    assert turns(talk) == ["42"]


def test_a_pause_that_comes_too_late_for_a_passage_is_taken_back_and_the_speech_kept() -> None:
    talk = in_passage(rest="")
    over_it(talk, "I want to cancel")
    talk.paused(2900, 6000)
    assert talk.of(c.GiveVerdict)[-1].cut is False
    talk.at(3300)
    talk.played(1)
    talk.at(5000)
    assert turns(talk) == ["I want to cancel"]


def test_an_overlap_that_reaches_a_passage_lets_it_pass() -> None:
    talk = speaking("Well.")
    talk.machine.reply.finished = False  # type: ignore[union-attr]
    talk.agent_says(NOTICE, interruptible=False)
    talk.feed(e.SpeechStarted(2160, 2100))
    assert talk.in_state(State.OVERLAP)
    talk.at(2200)
    talk.played(1)
    talk.at(2900)
    assert not talk.of(c.CutUtterances)
    talk.feed(e.SpeechEnded(3000, 2900))
    talk.at(3100)
    talk.feed(e.Transcribed(3200, talk.of(c.Transcribe)[-1].segment, "I want to cancel"))
    talk.played(2)
    talk.at(5000)
    assert turns(talk) == ["I want to cancel"]
