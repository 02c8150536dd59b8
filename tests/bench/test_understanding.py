from __future__ import annotations

import pytest

from bench.report import Rate
from bench.telephone_speech import Case
from bench.understanding import CallerTurn, Understood, by_voices, scored, turn_rates, understood

HOURS = "what are your opening hours"


def said(words: str, *, kind: str = "sentence", speaker: str = "allison") -> Case:
    return Case(kind, speaker, words, b"", 0, 0)


def digits(words: str, *texts: str) -> Understood:
    return Understood(said(words, kind="digits"), texts)


def test_each_turn_goes_to_the_utterance_during_which_it_began() -> None:
    cases = [said("one"), said("two"), said("three")]
    turns = [CallerTurn(1700, "a"), CallerTurn(5000, "b"), CallerTurn(12_000, "c")]
    assert [one.texts for one in understood(cases, [1000, 5000, 9000], turns)] == [("a",), ("b",), ("c",)]


def test_an_utterance_that_was_split_keeps_its_turns_in_order() -> None:
    (first, second) = understood(
        [said("four eight two one"), said("yes")],
        [1000, 5000],
        [CallerTurn(1700, "four eight"), CallerTurn(3000, "two one"), CallerTurn(5700, "yes")],
    )
    assert (first.text, second.text) == ("four eight two one", "yes")


def test_a_missed_utterance_does_not_take_the_turn_of_its_neighbour() -> None:
    missed, heard = understood([said("one"), said("two")], [1000, 5000], [CallerTurn(5700, "two")])
    assert (missed.texts, heard.texts) == ((), ("two",))


def test_what_began_before_the_first_utterance_is_not_lost() -> None:
    assert understood([said("one")], [1000], [CallerTurn(400, "um"), CallerTurn(1700, "one")])[0].text == "um one"


def test_all_words_of_a_missed_utterance_are_errors() -> None:
    score = scored([Understood(said(HOURS), ()), Understood(said(HOURS), ("What are your opening hours?",))])
    assert (score.errors, score.words, score.exact) == (5, 10, 1)
    assert score.failures == [f"allison: {HOURS!r} heard as ''"]


@pytest.mark.parametrize(
    ("texts", "right"),
    [
        (("four eight two one.",), 1),
        (("4821",), 1),
        (("four eight", "two one"), 1),
        (("four eight one",), 0),
        (("four eight two one one",), 0),
        ((), 0),
    ],
)
def test_a_digit_string_is_right_as_a_whole_or_not_at_all(texts: tuple[str, ...], right: int) -> None:
    score = scored([digits("4821", *texts)])
    assert (score.exact, score.cases) == (right, 1)


def test_split_and_missed_utterances_are_counted() -> None:
    found = [digits("1", "one"), digits("12", "one", "two"), digits("3"), digits("4", "four")]
    several, missed = turn_rates("digits", found)
    assert several == Rate("digits: taken for several turns", 25.0, 4)
    assert missed == Rate("digits: missed", 25.0, 4)


def test_voices_are_grouped_by_who_makes_them() -> None:
    names = ("allison", "slt", "en-gb-scotland", "librivox", "awb", "en-us+f3")
    found = [Understood(said("", speaker=name), ()) for name in names]
    groups = {name: [one.case.speaker for one in group] for name, group in by_voices(found).items()}
    assert groups == {
        "human": ["allison", "librivox"],
        "flite": ["slt", "awb"],
        "espeak-ng": ["en-gb-scotland", "en-us+f3"],
    }
