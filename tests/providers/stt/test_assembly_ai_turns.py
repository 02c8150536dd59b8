"""Turns are told once and in order, whatever order their messages come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.stt.assembly_ai_turns import Turn, Turns
from gateway.providers.stt.connection import Recognised


def turn(order: int, *, ends: bool = True, formatted: bool = True) -> Turn:
    word = {"text": f"word{order}", "start": order * 1000, "end": order * 1000 + 300, "confidence": 0.8}
    return Turn.model_validate(
        {
            "turn_order": order,
            "end_of_turn": ends,
            "turn_is_formatted": formatted,
            "transcript": word["text"],
            "words": [word],
        }
    )


def told(turns: Turns, messages: list[Turn]) -> list[Recognised]:
    return [result for message in messages for result in turns.told(message)]


@given(st.integers(0, 1), st.lists(st.booleans(), min_size=3, max_size=3), st.integers(1, 3))
def test_neighbours_in_the_wrong_order_and_repeated_are_put_right(first: int, swaps: list[bool], times: int) -> None:
    orders = list(range(7))
    for place, swap in zip(range(first, 7, 2), swaps, strict=False):
        if swap:
            orders[place], orders[place + 1] = orders[place + 1], orders[place]
    results = told(Turns(formatted=True, least_confidence=0), [turn(order) for order in orders for _ in range(times)])
    assert [result.text for result in results] == [f"word{order}" for order in range(7)]


def test_a_turn_that_never_ends_holds_up_no_more_than_two() -> None:
    results = told(Turns(formatted=True, least_confidence=0), [turn(order) for order in (1, 2, 3)])
    assert [result.text for result in results] == ["word1", "word2", "word3"]


def test_a_turn_whose_punctuation_never_comes_is_told_when_the_next_begins() -> None:
    turns = Turns(formatted=True, least_confidence=0)
    assert told(turns, [turn(0, formatted=False)]) == []
    results = told(turns, [turn(1, ends=False, formatted=False)])
    assert [(result.text, result.final) for result in results] == [("word0", True), ("word1", False)]


def test_a_turn_that_waits_for_its_punctuation_has_no_partial_text_any_more() -> None:
    turns = Turns(formatted=True, least_confidence=0)
    assert told(turns, [turn(0, formatted=False), turn(0, ends=False, formatted=False)]) == []
