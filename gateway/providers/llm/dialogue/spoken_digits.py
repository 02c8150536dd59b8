"""Digit strings out of what a caller said and a recogniser made of it.

"one two three four", "1 2 3 4", "1,2,3,4.", "twelve thirty-four", "one thousand two hundred and thirty-four" and
"double five oh two" all name a string of digits. Recognisers also write "for", "to" and "won": those count only
beside a digit, and only when the string is not complete without them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

_ONES = {
    **dict(zip(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], range(1, 10), strict=True)),
    **dict.fromkeys(["zero", "oh", "o", "nought", "nil"], 0),
    "niner": 9,
}
_FIRST_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"]
_TEENS = dict(zip([*_FIRST_TEENS, "sixteen", "seventeen", "eighteen", "nineteen"], range(10, 20), strict=True))
_TENS_WORDS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_TENS = dict(zip(_TENS_WORDS, range(20, 100, 10), strict=True))
_HOMOPHONES = {"won": 1, "to": 2, "too": 2, "tree": 3, "for": 4, "fore": 4, "sex": 6, "ate": 8}
_REPEATS = {"double": 2, "triple": 3}
_SCALES = {"hundred": 100, "thousand": 1000}
_WORD = re.compile(r"[0-9]+|[a-z]+")


@dataclass(frozen=True, slots=True)
class _Number:
    """What one word says: its digits, and how it joins its neighbours."""

    digits: str
    kind: str


def digits_in(text: str, length: int | None = None) -> str:
    """The digits named in a text, in order; empty when there are none.

    :param length: how many are expected: readings that give as many are preferred
    """
    words = _WORD.findall(text.casefold().replace("'", ""))
    readings = [_runs(words, homophones) for homophones in (False, True)]
    for runs in readings:
        complete = [run for run in runs if len(run) == length]
        if complete:
            return complete[-1]
        if len("".join(runs)) == length:
            return "".join(runs)
    return "".join(readings[0])


def spell(digits: str) -> str:
    """Digits as a voice should say them, one by one."""
    return ", ".join(digits)


def _runs(words: Sequence[str], homophones: bool) -> list[str]:
    """Digit strings of each stretch of number words, without those that are denied ("… not 4822")."""
    numbers = [_number(word) for word in words]
    if homophones:
        numbers = [
            number or (_homophone(word) if _beside_number(numbers, position) else None)
            for position, (word, number) in enumerate(zip(words, numbers, strict=True))
        ]
    stretches = [list(stretch) for _, stretch in groupby(range(len(words)), key=lambda at: numbers[at] is not None)]
    told = (stretch for stretch in stretches if not (stretch[0] and words[stretch[0] - 1] == "not"))
    joined = (_join([number for at in stretch if (number := numbers[at])]) for stretch in told)
    return [run for run in joined if run]


def _beside_number(numbers: Sequence[_Number | None], position: int) -> bool:
    neighbours = [*numbers[max(0, position - 1) : position], *numbers[position + 1 : position + 2]]
    return any(number is not None and number.kind != "and" for number in neighbours)


def _homophone(word: str) -> _Number | None:
    value = _HOMOPHONES.get(word)
    return None if value is None else _Number(str(value), "one")


def _number(word: str) -> _Number | None:
    if word.isdigit():
        return _Number(word, "figure")
    for table, kind in ((_ONES, "one"), (_TEENS, "teen"), (_TENS, "ten"), (_REPEATS, "repeat"), (_SCALES, "scale")):
        if word in table:
            return _Number(str(table[word]), kind)
    return _Number("", "and") if word == "and" else None


def _join(numbers: Sequence[_Number]) -> str:
    """Digits of one stretch: cardinal numbers are added up, all else is strung together."""
    digits, position = "", 0
    while position < len(numbers):
        number = numbers[position]
        if number.kind == "repeat" and position + 1 < len(numbers):
            digits += numbers[position + 1].digits * int(number.digits)
            position += 2
            continue
        value, taken = _cardinal(numbers[position:])
        if taken:
            digits += str(value)
        elif number.kind in ("one", "figure"):
            digits += number.digits
        position += max(taken, 1)
    return digits


def _cardinal(numbers: Sequence[_Number]) -> tuple[int, int]:
    """Value and count of the words that begin a cardinal number above nine; (0, 0) when none begins here."""
    total, taken = 0, 0
    for scale in (1000, 100):
        value, count = _below_hundred(numbers[taken:])
        following = numbers[taken + count : taken + count + 1]
        if count and following and following[0] == _Number(str(scale), "scale"):
            total += value * scale
            taken += count + 1
            if numbers[taken : taken + 1] and numbers[taken].kind == "and":
                taken += 1
    value, count = _below_hundred(numbers[taken:])
    if taken:
        return (total + value, taken + count) if count else (total, taken)
    return (value, count) if numbers[0].kind in ("teen", "ten") else (0, 0)


def _below_hundred(numbers: Sequence[_Number]) -> tuple[int, int]:
    """A number from one to ninety-nine at the start, and its words."""
    if not numbers or numbers[0].kind not in ("one", "teen", "ten", "figure"):
        return 0, 0
    value = int(numbers[0].digits)
    if numbers[0].kind == "ten" and len(numbers) > 1 and numbers[1].kind == "one" and numbers[1].digits != "0":
        return value + int(numbers[1].digits), 2
    return value, 1
