"""The assistant's endpointing plans at work in the turn machine."""

from __future__ import annotations

from dataclasses import replace

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.endpointing_rules import (
    EndpointingPlan,
    EndpointingRule,
    Pattern,
    SmartEndpointing,
    TranscriptionWaits,
)
from gateway.conversation.states import State
from tests.conversation.talk import PLAN, Talk


def talk(**plan: object) -> Talk:
    return Talk(replace(PLAN, endpointing=EndpointingPlan(**plan)))  # type: ignore[arg-type]


def turn_is_taken_at(talk: Talk) -> int:
    """The moment of the next commit."""
    while not talk.of(c.CommitTurn):
        deadline = talk.machine.deadline
        assert deadline is not None
        assert deadline < 60_000
        talk.at(deadline)
    return talk.now


def test_a_rule_sets_the_wait_from_the_last_speech() -> None:
    patient = talk(rules=(EndpointingRule(3000, customer=Pattern("^let me look")),))
    patient.caller_says("let me look it up", 1000, 2000)
    assert turn_is_taken_at(patient) == 5000


def test_a_wait_longer_than_transcripts_are_waited_for_is_kept() -> None:
    patient = talk(rules=(EndpointingRule(15_000, customer=Pattern("look")),))
    patient.caller_says("let me look it up", 1000, 2000)
    assert turn_is_taken_at(patient) == 17_000


def test_the_wait_is_never_shorter_than_wait_seconds() -> None:
    hasty = talk(rules=(EndpointingRule(0, customer=Pattern("")),))
    hasty.caller_says("what time is it", 1000, 2000)
    assert turn_is_taken_at(hasty) == 2000 + PLAN.wait_ms


def test_a_rule_about_the_assistant_looks_at_its_last_words() -> None:
    asking = talk(rules=(EndpointingRule(2500, assistant=Pattern("account number")),))
    asking.caller_says("hello", 1000, 1400)
    assert turn_is_taken_at(asking) == 1400 + PLAN.wait_ms
    asking.agent_says("Hello.", "What is your account number?")
    asking.played(1)
    asking.played(2)
    asking.all.clear()
    asking.caller_says("moment please", 5000, 6000)
    assert turn_is_taken_at(asking) == 8500


def test_a_judgement_by_sound_moves_the_end_of_the_turn() -> None:
    judged = talk(smart=SmartEndpointing.FUNCTION, wait_function="500 + 2000 * x")
    judged.caller_says("I would like to", 1000, 2000)
    judged.feed(e.TurnEndJudged(judged.now, 2000, 0.25))
    assert turn_is_taken_at(judged) == 4000


def test_a_judgement_of_earlier_speech_moves_nothing() -> None:
    judged = talk(smart=SmartEndpointing.FUNCTION, wait_function="500 + 2000 * x")
    judged.caller_says("what time is it", 1000, 2000)
    judged.feed(e.TurnEndJudged(judged.now, 1500, 0.0))
    assert turn_is_taken_at(judged) == 2000 + PLAN.wait_ms


def test_the_transcription_plan_replaces_the_policy() -> None:
    plain = talk(transcription=TranscriptionWaits(punctuation_ms=600, no_punctuation_ms=900, number_ms=700))
    plain.caller_says("I would like to and.", 1000, 2000)
    assert turn_is_taken_at(plain) == 2600


def test_noise_is_dropped_at_once_whatever_the_rules_say() -> None:
    patient = talk(rules=(EndpointingRule(15_000, customer=Pattern("")),))
    patient.caller_says("", 1000, 1400)
    assert patient.in_state(State.WAITING)
