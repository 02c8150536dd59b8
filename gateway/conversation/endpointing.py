"""How long to wait after the caller's last speech before the turn is taken.

The wait is short when the words so far look like a whole turn and long when they do not:

    the answer that was asked for (yes or no; as many digits as were asked)   ANSWERED_MS, at most the plan's wait
    a complete-looking turn                                                  the plan's wait
    ends in several digits, nobody asked for digits                          NUMBER_MS
    digits are expected, and what was said holds some                        DIGITS_MS: people pause between groups
    ends in a word that wants another one, or in a comma or a dash           OPEN_MS

Never shorter than the plan's wait but for an expected answer, and stretched to the pauses that this caller makes inside
turns. Punctuation that ends a sentence is no evidence: recognisers put a full stop after everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ANSWERED_MS = 250
NUMBER_MS = 700
DIGITS_MS = 1000
OPEN_MS = 1200
LONGEST_MS = 1500
SHORTEST_PAUSE_MS = 200


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OPEN_WORDS = _words(
    """
    a an and about also am are as at be because but by can could do for from has have i i'd i'll i'm if in into is
    it's its just like may maybe my of on or our over shall should since so than that's the their then there's these
    this to uh uhh um umm until was we we're were when where whether which while who will with without would your er erm
    hmm let's well plus number"""
)
_COMPLETE_PHRASES = ("i am", "it is", "we are", "i do", "i can", "i have", "i will", "i would", "i could", "so am i")
_DIGIT_WORDS = _words("""zero oh one two three four five six seven eight nine ten double triple""")
_ANSWERS = _words("yes no yeah yep yup nope nah sure correct right okay ok")
_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_DIGITS_ASKED = re.compile(rf"\b(\d{{1,2}}|{'|'.join(_COUNTS)})[ -]digits?\b")
_TOKEN = re.compile(r"[\w']+")


def wait_ms(text: str, *, expects: str, plan_ms: int) -> int:
    """The wait in ms for a turn with this text so far. `expects` as in TranscriptHint; "digits:5" names their count."""
    words = _TOKEN.findall(text.lower())
    kind, _, count = expects.partition(":")
    if kind == "digits" and (digits := digit_count(words)):
        done = count.isdigit() and digits >= int(count)
        return min(ANSWERED_MS, plan_ms) if done else max(DIGITS_MS, plan_ms)
    if kind == "yes-no" and words and words[0] in _ANSWERS and len(words) <= 3:
        return min(ANSWERED_MS, plan_ms)
    if looks_open(text, words):
        return max(OPEN_MS, plan_ms)
    if words and _is_digits(words[-1]) and digit_count(words) > 1:
        return max(NUMBER_MS, plan_ms)
    return plan_ms


def expectation(expects: str, said: str) -> str:
    """What the agent waits for after saying this: "four digits" in its own words tells how many digits are meant."""
    asked = _DIGITS_ASKED.findall(said.lower())
    if expects not in ("digits", "anything") or not asked:
        return expects
    count = asked[-1]
    return f"digits:{count if count.isdigit() else _COUNTS.index(count) + 1}"


def looks_open(text: str, words: list[str]) -> bool:
    """The caller is likely to go on: the last word wants another one."""
    if not words:
        return False
    if text.rstrip().endswith((",", "-", "\u2026", "...", "\u2013", "\u2014")):
        return True
    return words[-1] in _OPEN_WORDS and " ".join(words[-2:]) not in _COMPLETE_PHRASES


def digit_count(words: list[str]) -> int:
    """Digits in the words, written or spoken."""
    return sum(len(w) if w.isdigit() else w in _DIGIT_WORDS for w in words)


def _is_digits(word: str) -> bool:
    return word.isdigit() or word in _DIGIT_WORDS


@dataclass(slots=True)
class CallerPace:
    """Learns the pauses that this caller makes inside turns: an average that follows the latest ones."""

    average_ms: float = 0.0

    def paused(self, ms: int) -> None:
        """The caller went on after a pause of `ms`; gaps between words do not count."""
        if ms < SHORTEST_PAUSE_MS:
            return
        self.average_ms = ms if not self.average_ms else 0.7 * self.average_ms + 0.3 * ms

    def stretch(self, wait: int) -> int:
        """`wait`, long enough for a pause of this caller, and never above `LONGEST_MS` by that."""
        return max(wait, min(LONGEST_MS, int(self.average_ms * 1.2)))
