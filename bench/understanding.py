"""What the caller said beside what was understood: utterances of a call, the turns of its record, and their score."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.report import Rate
from bench.telephone_speech import Case
from bench.transcription import Score, judge


@dataclass(frozen=True, slots=True)
class CallerTurn:
    """A turn of the caller as the record has it; `at_ms` is when it began, call clock."""

    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Understood:
    """An utterance, and the texts of the turns that were made of it: one when all is well, none when it was missed."""

    case: Case
    texts: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def understood(cases: Sequence[Case], played_ms: Sequence[int], turns: Sequence[CallerTurn]) -> list[Understood]:
    """The turns of a call, each given to the utterance during which it began.

    :param played_ms: when each case began to play, call clock, ascending; what began before the first belongs to it
    """
    texts: list[list[str]] = [[] for _ in cases]
    for turn in turns:
        texts[max(0, bisect_right(played_ms, turn.at_ms) - 1)].append(turn.text)
    return [Understood(case, tuple(found)) for case, found in zip(cases, texts, strict=True)]


def by_voices(found: Sequence[Understood]) -> Mapping[str, list[Understood]]:
    """The utterances by the makers of their voices."""
    groups: dict[str, list[Understood]] = {}
    for one in found:
        human = one.case.speaker in ("allison", "librivox")
        synthetic = "espeak-ng" if one.case.speaker.startswith("en-") else "flite"
        groups.setdefault("human" if human else synthetic, []).append(one)
    return groups


def scored(found: Sequence[Understood]) -> Score:
    """Right and wrong; an utterance that was missed has all its words deleted."""
    score = Score()
    for one in found:
        judge(score, one.case, one.text)
    return score


def turn_rates(name: str, found: Sequence[Understood]) -> list[Rate]:
    """How many utterances were taken for several turns, and how many for none."""
    turns = [len(one.texts) for one in found]
    split = Rate.of(f"{name}: taken for several turns", sum(count > 1 for count in turns), len(turns))
    return [split, Rate.of(f"{name}: missed", turns.count(0), len(turns))]
