"""The assistant's endpointing plans at work in the turn machine."""

from __future__ import annotations

from dataclasses import replace

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.endpointing import PATIENCE_MS
from gateway.conversation.endpointing_request import ANSWER_MS
from gateway.conversation.endpointing_rules import (
    UNJUDGED_MS,
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


def test_a_rule_about_the_assistant_knows_what_an_earlier_worker_said() -> None:
    plan = replace(PLAN, endpointing=EndpointingPlan((EndpointingRule(2500, assistant=Pattern("account number")),)))
    resumed = Talk(plan, answered=False, started=e.Started(0, True, turn=1, said="Your account number?"))
    resumed.caller_says("moment please", 1000, 2000)
    assert turn_is_taken_at(resumed) == 4500


def test_a_sentence_that_two_replies_say_is_one() -> None:
    plan = replace(PLAN, endpointing=EndpointingPlan((EndpointingRule(2500, assistant=Pattern("^What .* number")),)))
    resumed = Talk(
        plan, answered=False, started=e.Started(0, True, turn=1, rest="account number?", said="What is your")
    )
    resumed.agent_says("account number?")
    resumed.played(1)
    resumed.caller_says("moment please", 5000, 6000)
    assert turn_is_taken_at(resumed) == 8500


def test_a_judgement_by_sound_moves_the_end_of_the_turn() -> None:
    judged = talk(smart=SmartEndpointing.FUNCTION_OF_SOUND, wait_function="500 + 2000 * x")
    judged.caller_says("I would like to", 1000, 2000)
    judged.feed(e.TurnEndJudged(judged.now, 2000, 0.25))
    assert turn_is_taken_at(judged) == 4000


def test_a_judgement_of_earlier_speech_moves_nothing() -> None:
    judged = talk(smart=SmartEndpointing.FUNCTION_OF_SOUND, wait_function="500 + 2000 * x")
    judged.caller_says("what time is it", 1000, 2000)
    judged.feed(e.TurnEndJudged(judged.now, 1500, 0.0))
    assert turn_is_taken_at(judged) == 2000 + UNJUDGED_MS


def test_a_transcriber_that_becomes_sure_ends_the_wait() -> None:
    waits = []
    for judged_as in (0.1, 0.95):
        unsure = talk()
        unsure.caller_says("I was calling yesterday", 1000, 2000)
        segment = unsure.of(c.Transcribe)[-1].segment
        unsure.feed(e.TurnEndJudged(unsure.now, 2100, 0.1, segment))
        unsure.at(2400)
        unsure.feed(e.TurnEndJudged(unsure.now, 2100, judged_as, segment))
        waits.append(turn_is_taken_at(unsure) - 2000)
    assert waits == [PATIENCE_MS, 400]


def test_the_transcription_plan_replaces_the_policy() -> None:
    plain = talk(transcription=TranscriptionWaits(punctuation_ms=600, no_punctuation_ms=900, number_ms=700))
    plain.caller_says("I would like to and.", 1000, 2000)
    assert turn_is_taken_at(plain) == 2600


# ---------------------------------------------------------------- the user's server


def asking(end: int = 2000, text: str = "what time is it") -> Talk:
    """A caller has spoken until `end`, and the server was asked."""
    asking = talk(smart=SmartEndpointing.SERVER)
    asking.caller_says(text, 1000, end)
    return asking


def questions(talk: Talk) -> list[c.AskEndpointing]:
    return talk.of(c.AskEndpointing)


def answer(talk: Talk, wait_ms: int | None) -> None:
    talk.feed(e.EndpointingAnswered(talk.now, questions(talk)[-1].question, wait_ms))


def test_the_server_is_asked_once_the_text_is_known_and_decides() -> None:
    call = asking()
    (question,) = questions(call)
    assert (question.text, question.start_ms, question.end_ms) == ("what time is it", 1000, 2000)
    call.at(2350)
    answer(call, 2500)
    assert turn_is_taken_at(call) == 4500


def test_an_answer_that_comes_after_its_wait_takes_the_turn_at_once() -> None:
    call = asking()
    call.at(3000)
    assert not call.of(c.CommitTurn), "the policy's wait is over, the answer is still to come"
    answer(call, 500)
    assert turn_is_taken_at(call) == 3000


def test_a_server_that_fails_leaves_it_to_the_policy() -> None:
    call = asking()
    answer(call, None)
    assert turn_is_taken_at(call) == 2000 + PLAN.wait_ms


def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    call = asking()
    assert turn_is_taken_at(call) == 2310 + ANSWER_MS


def test_more_words_make_a_new_question_and_the_old_answer_void() -> None:
    call = asking()
    first = questions(call)[0].question
    call.caller_says("what time is it in Rome", 2400, 3000)
    assert [question.text for question in questions(call)][-1] != "what time is it"
    call.feed(e.EndpointingAnswered(call.now, first, 0))
    assert not call.of(c.CommitTurn)
    answer(call, 1200)
    assert turn_is_taken_at(call) == 4200


def test_a_noise_after_the_answer_is_no_new_question() -> None:
    call = asking()
    answer(call, 3000)
    call.at(2500)
    call.feed(e.SpeechStarted(call.now, 2450))
    call.at(2700)
    call.feed(e.SpeechEnded(call.now, 2600))
    call.at(2800)
    call.feed(e.Transcribed(call.now, call.of(c.Transcribe)[-1].segment, "what time is it"))
    assert len(questions(call)) == 1
    assert turn_is_taken_at(call) == 5600


def test_the_next_turn_with_the_same_words_is_asked_about_again() -> None:
    call = asking(text="yes")
    answer(call, 0)
    call.at(2400)
    call.agent_says("Really?")
    call.played(1)
    call.caller_says("yes", 5000, 5500)
    assert [question.text for question in questions(call)] == ["yes", "yes"]


def test_a_server_that_fails_three_times_running_is_asked_no_more_and_that_is_noted() -> None:
    call = talk(smart=SmartEndpointing.SERVER)
    for turn in range(1, 5):
        start = turn * 5000
        call.caller_says("what time is it", start, start + 500)
        if turn <= 3:
            answer(call, None)
        call.at(start + 1000)
        call.agent_says("Yes.")
        call.played(call.utterance)
    assert len(questions(call)) == 3
    assert [note.event for note in call.of(c.Note)] == ["endpointing-server-given-up"]
    assert [turn.due_ms - turn.end_ms for turn in call.of(c.CommitTurn)] == [PLAN.wait_ms] * 4


def test_keys_are_no_question_for_the_server() -> None:
    call = talk(smart=SmartEndpointing.SERVER)
    call.feed(e.KeyPressed(500, "5"))
    assert turn_is_taken_at(call)
    assert not questions(call)


def test_noise_is_dropped_at_once_whatever_the_rules_say() -> None:
    patient = talk(rules=(EndpointingRule(15_000, customer=Pattern("")),))
    patient.caller_says("", 1000, 1400)
    assert patient.in_state(State.WAITING)
