"""Which filler is said."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.fillers import FillerPlan, Fillers

TURNS = st.lists(st.integers(0, 2), min_size=1, max_size=20)
"""How many turns later the next silence is."""


@given(st.lists(st.sampled_from("abcd"), min_size=2, unique=True), TURNS)
def test_no_phrase_comes_twice_in_a_row(phrases: list[str], steps: list[int]) -> None:
    fillers, turn, said = Fillers(FillerPlan(phrases=tuple(phrases))), 0, list[str]()
    for step in steps:
        turn += step
        said.append(fillers.choose(turn))
    assert all(said)
    assert all(one != other for one, other in pairwise(said))


@given(TURNS)
def test_a_single_phrase_never_comes_in_neighbouring_turns(steps: list[int]) -> None:
    fillers, turn, turns = Fillers(FillerPlan(phrases=("Hm.",))), 0, list[int]()
    for step in steps:
        turn += step
        if fillers.choose(turn):
            turns.append(turn)
    assert all(later - turn >= 2 for turn, later in pairwise(turns))


def test_a_single_phrase_comes_again_after_a_turn_without() -> None:
    fillers = Fillers(FillerPlan(phrases=("Hm.",)))
    assert [fillers.choose(turn) for turn in (1, 2, 3, 4)] == ["Hm.", "", "Hm.", ""]


def test_without_phrases_nothing_is_said() -> None:
    assert Fillers(FillerPlan(phrases=())).choose(1) == ""
