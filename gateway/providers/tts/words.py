"""Maps the words of a text to times that were measured for the words that the voice really spoke.

A voice rewrites the text first ("$9.99" becomes "nine dollars and ninety nine cents"), so the two lists differ. Equal
words keep their times; where they differ, the span is shared out by the lengths of the words.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word and its time in any one unit."""

    text: str
    start: float
    end: float


def align(text: str, spoken: Sequence[TimedWord]) -> list[TimedWord]:
    """The whitespace-separated words of `text`, in order, with times that never go back."""
    wanted = text.split()
    matcher = difflib.SequenceMatcher(None, [bare(w) for w in wanted], [bare(w.text) for w in spoken], autojunk=False)
    timed: list[TimedWord] = []
    for kind, first, last, spoken_first, spoken_last in matcher.get_opcodes():
        words, heard = wanted[first:last], spoken[spoken_first:spoken_last]
        if kind == "equal":
            timed += [TimedWord(word, one.start, one.end) for word, one in zip(words, heard, strict=True)]
        elif words:
            at = timed[-1].end if timed else 0.0
            start, end = (heard[0].start, heard[-1].end) if heard else (at, at)
            timed += share(words, start, end)
    return timed


def share(words: Sequence[str], start: float, end: float) -> list[TimedWord]:
    """The words one after the other between `start` and `end`, long ones longer."""
    total = sum(len(word) for word in words)
    shared, done = [], 0
    for word in words:
        begin = start + (end - start) * done / total
        done += len(word)
        shared.append(TimedWord(word, begin, start + (end - start) * done / total))
    return shared


def bare(word: str) -> str:
    """A word without case and punctuation; punctuation alone stays as it is."""
    return "".join(character for character in word.casefold() if character.isalnum()) or word
