"""How long to wait after the caller's last speech before the turn is taken.

Three kinds of evidence: what was asked and said (digits still to come, a word that wants another one), the probability
that the turn is over by the words and by the sound (`finished`), and the pauses that this caller makes inside turns
(`CallerPace`, whose patience is a pause that this caller hardly exceeds):

    the answer that was asked for (yes or no; as many digits as were asked)   ANSWERED_MS, at most the plan's wait
    digits are expected and some were said; a name is being spelled           the patience: people pause between groups
    ends in a word that wants another one, or in a comma or a dash            the patience, unless the probability says
                                                                              that it is over for sure
    ends in several digits nobody asked for, or in a street and its number    half of the patience at least
    nothing but an answer or a courtesy ("no thank you")                      a third of the patience at most
    anything else                                                             the plan's wait when the turn is over for
                                                                              sure, the patience when it is not, and
                                                                              between them in proportion

Never shorter than the plan's wait but for an expected answer. Punctuation that ends a sentence is no evidence:
recognisers put a full stop after everything. The figures are those of the tuning half of `bench.turn_ends`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

ANSWERED_MS = 250
PATIENCE_MS = 1400
"""For a caller who has not paused inside a turn yet."""
SHORTEST_PATIENCE_MS, LONGEST_PATIENCE_MS = 1200, 1500
_OVER_AVERAGE = 1.8
"""Nineteen of twenty pauses are shorter than their average times this (log-normal, sigma 0.35)."""
CUT_OFF_MS = 1000
"""Who speaks again so soon after his turn had not finished it; later he interrupts what he hears."""
_OVER_CUT_OFF = 1.2
SHORTEST_PAUSE_MS = 200
"""Shorter gaps are between words."""
SURE, UNSURE = 0.9, 0.4
"""The probabilities between which the wait grows from the plan's to the patience."""
WORDS, SOUND, CONSTANT = 0.92, 1.03, -0.29
"""Logistic regression of the log odds by words and by sound (`python -m bench.turn_ends.fit`)."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OPEN_WORDS = _words(
    """
    a an and about also am are as at be because but by can could do for from has have i i'd i'll i'm if in into is
    it's its just like may maybe my of on or our over shall should since so than that's the their then there's these
    this to uh uhh um umm until was we we're were when where whether which while who will with without would your er erm
    hmm let's well plus"""
)
_COMPLETE_PHRASES = ("i am", "it is", "we are", "i do", "i can", "i have", "i will", "i would", "i could", "so am i")
_DIGIT_WORDS = _words("""zero oh one two three four five six seven eight nine ten double triple""")
_ANSWERS = _words("yes no yeah yep yup nope nah sure correct right okay ok")
_COURTESIES = _ANSWERS | _words("please thanks thank you hello hi bye goodbye")
_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_DIGITS_ASKED = re.compile(rf"\b(\d{{1,2}}|{'|'.join(_COUNTS)})[ -]digits?\b")
_STREET = re.compile(r"\b\d+ (\w+ ){1,2}(street|avenue|road|lane|drive|way|square|boulevard|court|place)\.?$")
_TOKEN = re.compile(r"[\w']+")


def wait_ms(
    text: str, *, expects: str, plan_ms: int, finished: float | None = None, patience_ms: int = PATIENCE_MS
) -> int:
    """The wait in ms for a turn with this text so far.

    :param expects: as in TranscriptHint; "digits:5" names their count
    :param plan_ms: the plan's wait, the least but for an expected answer
    :param finished: the probability that the turn is over (`finished`), None when nothing tells
    :param patience_ms: `CallerPace.patience_ms`
    """
    words = _TOKEN.findall(text.lower())
    kind, _, count = expects.partition(":")
    if kind == "digits" and (digits := digit_count(words)):
        done = count.isdigit() and digits >= int(count)
        return min(ANSWERED_MS, plan_ms) if done else max(patience_ms, plan_ms)
    if kind == "yes-no" and words and words[0] in _ANSWERS and len(words) <= 3:
        return min(ANSWERED_MS, plan_ms)
    if (looks_open(text, words) and (finished or 0.0) < SURE) or is_spelled(words):
        return max(patience_ms, plan_ms)
    least = max(patience_ms // 2, plan_ms) if is_dictated(text, words) else plan_ms
    wait = max(least, _by_evidence(finished, plan_ms, patience_ms))
    return min(wait, max(patience_ms // 3, plan_ms)) if words and _COURTESIES.issuperset(words) else wait


def _by_evidence(finished: float | None, plan_ms: int, patience_ms: int) -> int:
    if finished is None:
        return plan_ms
    doubt = min(max((SURE - finished) / (SURE - UNSURE), 0.0), 1.0)
    return round(plan_ms + (patience_ms - plan_ms) * doubt)


def finished(by_words: float | None, by_sound: float | None) -> float | None:
    """One probability that the turn is over of those by words and by sound; None when there is neither."""
    if by_words is None and by_sound is None:
        return None
    odds = CONSTANT * (by_words is not None and by_sound is not None)
    odds += WORDS * log_odds(by_words) if by_words is not None else 0.0
    odds += SOUND * log_odds(by_sound) if by_sound is not None else 0.0
    return 1 / (1 + math.exp(-odds))


def log_odds(probability: float) -> float:
    """Of a probability; what is nearly certain is taken for 98 %."""
    bounded = min(max(probability, 0.02), 0.98)
    return math.log(bounded / (1 - bounded))


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


def is_spelled(words: list[str]) -> bool:
    """The last words are single letters: a name is being spelled."""
    return len(words) > 1 and all(len(word) == 1 and word.isalpha() for word in words[-2:])


def is_dictated(text: str, words: list[str]) -> bool:
    """The text ends in several digits, or in a street and its number: there may be more of it."""
    number = bool(words) and _is_digits(words[-1]) and digit_count(words) > 1
    return number or _STREET.search(text.lower()) is not None


def digit_count(words: list[str]) -> int:
    """Digits in the words, written or spoken."""
    return sum(len(w) if w.isdigit() else w in _DIGIT_WORDS for w in words)


def _is_digits(word: str) -> bool:
    return word.isdigit() or word in _DIGIT_WORDS


@dataclass(slots=True)
class CallerPace:
    """Learns the pauses that this caller makes inside turns: an average that follows the latest ones. `caution_ms` is
    the least wait after a turn that was taken in a pause, given up again over the turns that follow."""

    average_ms: float = 0.0
    caution_ms: int = 0

    def paused(self, ms: int) -> None:
        """The caller went on after a pause of `ms`; gaps between words do not count."""
        if ms >= SHORTEST_PAUSE_MS:
            self.average_ms = ms if not self.average_ms else 0.7 * self.average_ms + 0.3 * ms

    def cut_off(self, ms: int) -> None:
        """The turn was taken in a pause of `ms`, and the caller went on."""
        self.paused(ms)
        self.caution_ms = min(round(ms * _OVER_CUT_OFF), LONGEST_PATIENCE_MS)

    def took_turn(self) -> None:
        """A turn was taken."""
        self.caution_ms = self.caution_ms // 2

    @property
    def patience_ms(self) -> int:
        """A pause that this caller hardly exceeds."""
        if not self.average_ms:
            return PATIENCE_MS
        return round(min(max(self.average_ms * _OVER_AVERAGE, SHORTEST_PATIENCE_MS), LONGEST_PATIENCE_MS))
