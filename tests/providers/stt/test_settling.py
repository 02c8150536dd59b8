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


def test_where_nothing_comes_nothing_was_said() -> None:
    settling = Settling(0.5)
    settling.ask(10.0, 900)
    assert settling.deadline == 10.5
    assert settling.expire() == Recognised("", 900, 900, True, flushed=True)
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


def test_the_latest_question_is_answered() -> None:
    settling = Settling(0.5)
    settling.ask(10.0, 900)
    settling.ask(10.3, 1200)
    assert settling.deadline == 10.8
    assert settling.final(FINAL).end_ms == 1200
