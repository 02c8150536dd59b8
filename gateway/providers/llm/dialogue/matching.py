"""Finds what a caller means among example phrases, forgiving what a recogniser gets wrong.

A phrase is a bag of words weighted by rarity. A heard word matches a phrase's word when they are equal, nearly spelt
alike, or sound alike. The score of a phrase is the share of its weight that was heard; among phrases above the
threshold the one with more heard weight wins, so that "thanks, and what are your hours" is about the hours.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_THRESHOLD = 0.62
_ALIKE = 0.78
_SPELT_LIKE = 0.5
_WORD = re.compile(r"[a-z0-9]+")
_SOUNDS = str.maketrans({**dict.fromkeys("bfpv", "p"), **dict.fromkeys("cgjkqsxz", "s"), **dict.fromkeys("dt", "t")})


@dataclass(frozen=True, slots=True)
class Match:
    """`score` is the share of the phrase that was heard (0…1), `weight` how much that is."""

    name: str
    score: float
    weight: float


class PhraseMatcher:
    """Example phrases by name."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        self._phrases = [(name, words_of(phrase)) for name, examples in phrases.items() for phrase in examples]
        counts = Counter(word for _, words in self._phrases for word in set(words))
        self._weights = {word: math.log(1 + len(self._phrases) / count) for word, count in counts.items()}

    def best(self, text: str) -> Match | None:
        """The name whose phrase fits best, None when none fits. The earlier one wins a tie."""
        heard = words_of(text)
        matches = [match for name, words in self._phrases if (match := self._match(name, words, heard)) is not None]
        return max(matches, key=lambda match: match.score * match.weight, default=None)

    def _match(self, name: str, words: Sequence[str], heard: Sequence[str]) -> Match | None:
        wanted = sum(self._weights[word] for word in words)
        found = sum(self._weights[word] * max((likeness(word, one) for one in heard), default=0) for word in words)
        score = found / wanted if wanted else 0.0
        return Match(name, score, found) if score >= _THRESHOLD else None


def words_of(text: str) -> tuple[str, ...]:
    """Lower-case words without punctuation; contractions stay one word."""
    return tuple(_WORD.findall(text.casefold().replace("'", "").replace("\u2019", "")))


@functools.lru_cache(maxsize=20_000)
def likeness(first: str, second: str) -> float:
    """1 for equal words, 0 for different ones, between for words that a recogniser confuses."""
    if first == second:
        return 1.0
    if min(len(first), len(second)) < 3:
        return 0.0
    ratio = difflib.SequenceMatcher(None, first, second, autojunk=False).ratio()
    if ratio >= _ALIKE:
        return ratio
    # The key alone is too rough: "stop" has that of "goodbye".
    return 0.8 if len(first) > 3 and ratio >= _SPELT_LIKE and _sound(first) == _sound(second) else 0.0


def _sound(word: str) -> str:
    """A rough key of how a word sounds: consonants in groups, vowels and repetitions left out."""
    spelt = word.replace("ph", "f").replace("gh", "").replace("kn", "n").replace("wr", "r")
    key = spelt[0] + "".join(letter for letter in spelt[1:] if letter not in "aeiouyhw")
    return re.sub(r"(.)\1+", r"\1", key.translate(_SOUNDS))
