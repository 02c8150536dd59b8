"""Which filler is said, and after how much silence."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.fillers import HOLD, SILENT_MS, FillerPlan, Fillers

TURNS = st.lists(st.integers(0, 2), min_size=1, max_size=20)
"""How many turns later the next silence is."""


@given(st.lists(st.sampled_from("abcd"), min_size=2, unique=True), TURNS)
def test_no_phrase_comes_twice_in_a_row(phrases: list[str], steps: list[int]) -> None:
    fillers, turn, said = Fillers(FillerPlan(phrases=tuple(phrases))), 0, list[str]()
    for step in steps:
        turn += step
        said.append(fillers.choose(turn, tools=False))
    assert all(said)
    assert all(one != other for one, other in pairwise(said))


@given(st.lists(st.sampled_from("abcd"), unique=True), TURNS, st.integers(200, SILENT_MS), st.booleans())
def test_no_silence_is_longer_than_two_seconds(phrases: list[str], steps: list[int], delay: int, heard: bool) -> None:
    fillers, turn = Fillers(FillerPlan(delay, tuple(phrases))), 0
    for step in steps:
        turn += step
        assert fillers.due_ms(turn, 10_000, None if heard else 9_500) <= (12_000 if heard else 11_500)
        assert fillers.choose(turn, tools=False)


def test_the_first_silence_is_covered_as_configured_and_later_ones_after_two_seconds() -> None:
    fillers = Fillers(FillerPlan(700))
    assert (fillers.due_ms(1, 10_000, 9_600), fillers.due_ms(1, 10_000, None)) == (10_700, 12_000)


def test_a_turn_that_was_taken_late_leaves_less_time() -> None:
    fillers = Fillers(FillerPlan(1000))
    assert [fillers.due_ms(1, 10_000, asked_ms) for asked_ms in (9_500, 8_800, 8_000)] == [11_000, 10_800, 10_300]


def test_who_wants_more_patience_has_it() -> None:
    assert [Fillers(FillerPlan(5000)).due_ms(1, 10_000, asked_ms) for asked_ms in (None, 9_500)] == [15_000, 14_500]


def test_a_single_phrase_comes_later_in_the_turn_after_one_that_had_it() -> None:
    fillers = Fillers(FillerPlan(1000, ("Hm.",)))
    fillers.choose(1, tools=False)
    assert [fillers.due_ms(turn, 10_000, 9_500) for turn in (1, 2, 3)] == [11_500, 11_500, 11_000]


@pytest.mark.parametrize(("tools", "said"), [(False, HOLD), (True, "")])
def test_without_phrases_only_a_model_that_is_silent_is_covered(tools: bool, said: str) -> None:
    fillers = Fillers(FillerPlan(phrases=()))
    assert (fillers.due_ms(1, 10_000, 9_500), fillers.choose(1, tools=tools)) == (11_500, said)
