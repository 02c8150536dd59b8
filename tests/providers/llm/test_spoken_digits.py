"""Digit strings in every form that callers and recognisers give them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.llm.dialogue.spoken_digits import digits_in, spell

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("one two three four", "1234"),
        ("1 2 3 4", "1234"),
        ("1,2,3,4.", "1234"),
        ("1-2-3-4", "1234"),
        ("12 34", "1234"),
        ("7,309", "7309"),
        ("twelve thirty-four", "1234"),
        ("eighty two seventeen", "8217"),
        ("nineteen oh one", "1901"),
        ("twenty twenty", "2020"),
        ("one thousand two hundred and thirty-four", "1234"),
        ("twelve hundred thirty four", "1234"),
        ("1 thousand 2 hundred", "1200"),
        ("five thousand", "5000"),
        ("double five oh two", "5502"),
        ("triple zero one", "0001"),
        ("for 8 2 1", "4821"),
        ("four to one nine", "4219"),
        ("I want to order for 1 2 3 4", "1234"),
        ("My number is four eight two one, thanks.", "4821"),
        ("it's 4 8 2 1, not 4 8 2 2", "4821"),
        ("not 4 8 2 2 but 4 8 2 1", "4821"),
        ("one two", "12"),
        ("thank you for that", ""),
        ("", ""),
    ],
)
def test_four_digits(text: str, digits: str) -> None:
    assert digits_in(text, 4) == digits


def test_without_a_length_all_digits_are_taken_as_they_come() -> None:
    assert digits_in("one two, and then 3") == "123"
    assert digits_in("for two") == "2"


@given(st.text(alphabet="0123456789", min_size=1, max_size=12), st.sampled_from([" ", ", ", ". "]))
def test_digits_said_one_by_one_come_back(digits: str, separator: str) -> None:
    assert digits_in(separator.join(WORDS[int(digit)] for digit in digits), len(digits)) == digits
    assert digits_in(separator.join(digits), len(digits)) == digits
    assert digits_in(spell(digits)) == digits


@given(st.text(max_size=60), st.none() | st.integers(1, 12))
def test_any_text_gives_digits_or_nothing(text: str, length: int | None) -> None:
    found = digits_in(text, length)
    assert found == "" or found.isdigit()
