"""When all is told, by a provider that does not say so."""

from __future__ import annotations

from dataclasses import replace

from gateway.providers.stt.connection import Recognised
from gateway.providers.stt.settling import Settling

PARTIAL = Recognised("hello", 100, 400, False)
FINAL = Recognised("hello there", 100, 700, True)


def test_nothing_is_waited_for_that_was_not_asked_for() -> None:
    settling = Settling(0.5, 0.8)
    assert settling.partial(PARTIAL) == PARTIAL
    assert settling.deadline is None
    assert settling.final(FINAL) == FINAL


def test_a_final_text_is_the_answer_and_reaches_to_where_it_was_asked_for() -> None:
    settling = Settling(0.5)
    settling.ask(10.0, 900)
    assert settling.final(FINAL) == replace(FINAL, end_ms=900, flushed=True)
    assert settling.deadline is None


def test_where_nothing_comes_nothing_was_said_since_the_text_before() -> None:
    settling = Settling(0.5)
    settling.final(FINAL)
    settling.ask(10.0, 900)
    assert settling.deadline == 10.5
    assert settling.expire() == Recognised("", 700, 700, True, flushed=True)
    assert settling.deadline is None


def test_where_text_is_outstanding_it_is_waited_for() -> None:
    settling = Settling(0.5)
    settling.partial(PARTIAL)
    settling.ask(10.0, 900)
    assert settling.deadline is None


def test_a_partial_text_may_be_taken_for_the_final_one() -> None:
    settling = Settling(0.5, 0.8)
    settling.ask(10.0, 900)
    settling.partial(PARTIAL)
    assert settling.deadline == 10.8
    assert settling.expire() == replace(PARTIAL, final=True, flushed=True, end_ms=900)


def test_sound_without_text_is_waited_for_longer_until_there_is_some() -> None:
    settling = Settling(0.5, 0.8)
    settling.ask(10.0, 900, 700)
    assert settling.deadline == 12.0
    settling.partial(PARTIAL)
    assert settling.deadline == 10.8


def test_silence_answers_each_question_and_a_text_all_of_them() -> None:
    settling = Settling(0.5)
    settling.ask(10.0, 900)
    settling.ask(10.3, 1200)
    assert settling.deadline == 10.5
    settling.expire()
    assert settling.deadline == 10.8
    settling.ask(10.4, 1300)
    assert settling.final(FINAL).end_ms == 1300
    assert settling.deadline is None


def test_a_provider_that_never_says_anything_hangs() -> None:
    settling = Settling(0.5)
    for question in range(3):
        assert not settling.mute
        settling.ask(question, 100 * question)
        settling.expire()
    assert settling.mute
    settling.partial(PARTIAL)
    assert not settling.mute
