"""Word errors: how far what was heard is from what was said."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ONE_WORD = {"good bye": "goodbye", "good by": "goodbye", "voice mail": "voicemail"}


def normalised(text: str) -> list[str]:
    """Words of a text as they are compared: lower case, no punctuation, numbers as words (above 99 digit by digit)."""
    plain = re.sub(r"[^a-z0-9 ]", " ", text.casefold().replace("'", "").replace("\u2019", ""))
    spoken = " ".join(re.sub(r"\d+", lambda number: _spoken(number[0]), plain).split())
    for apart, together in _ONE_WORD.items():
        spoken = re.sub(rf"\b{apart}\b", together, spoken)
    return spoken.split()


def edit_distance(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest insertions, deletions and substitutions of words (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for wanted_word in wanted:
        above, row = row, [row[0] + 1]
        for at, heard_word in enumerate(heard):
            row.append(min(above[at + 1] + 1, row[at] + 1, above[at] + (wanted_word != heard_word)))
    return row[-1]


def _spoken(figures: str) -> str:
    number = int(figures)
    if len(figures) > 2:
        return " " + " ".join(_ONES[int(figure)] for figure in figures) + " "
    if number < len(_ONES):
        return f" {_ONES[number]} "
    return f" {_TENS[number // 10 - 2]} {_ONES[number % 10] if number % 10 else ''} "
