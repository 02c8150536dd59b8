"""What trials of one provider amount to."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from gateway.call.prices import PriceBook
from gateway.commands.provider.attempt import bill_of
from gateway.commands.provider.chosen import Candidate
from gateway.commands.provider.names import StageName
from gateway.commands.provider.trials import Trial
from gateway.commands.provider.word_errors import edit_distance, normalised

ANSWERS_PER_MINUTE = 4
"""Of a model, in a minute of conversation."""
FIRST = {StageName.STT: "first words", StageName.LLM: "first token", StageName.TTS: "first audio"}
WHOLE = {StageName.STT: "transcript", StageName.LLM: "whole", StageName.TTS: "whole"}


@dataclass(frozen=True, slots=True)
class Case:
    """A trial with what should be heard, and what was; `audio_seconds` is the audio's length."""

    trial: Trial
    wanted: str = ""
    heard: str = ""
    audio_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """Medians in ms; None where no trial tells. `word_error_rate` is errors by words said; `cost_per_minute` USD.

    :param failures: a sentence for each trial that failed
    """

    candidate: Candidate
    trials: int
    connected: float | None
    first: float | None
    whole: float | None
    word_error_rate: float | None
    cost_per_minute: Decimal | None
    failures: tuple[str, ...] = ()


def score(candidate: Candidate, cases: Sequence[Case], failures: Iterable[str], prices: PriceBook) -> Score:
    """Put the cases of a provider together."""
    stage = candidate.chosen.stage
    return Score(
        candidate,
        trials=len(cases),
        connected=_median(cases, "connected"),
        first=_median(cases, FIRST[stage]) or _median(cases, "first audio"),
        whole=_median(cases, WHOLE[stage]),
        word_error_rate=None if stage is StageName.LLM else _word_error_rate(cases),
        cost_per_minute=_cost_per_minute(stage, cases, prices),
        failures=tuple(failures),
    )


def _median(cases: Iterable[Case], part: str) -> float | None:
    known = [case.trial.ms[part] for case in cases if part in case.trial.ms]
    return statistics.median(known) if known else None


def _word_error_rate(cases: Iterable[Case]) -> float | None:
    errors = words = 0
    for case in cases:
        wanted = normalised(case.wanted)
        errors += edit_distance(wanted, normalised(case.heard))
        words += len(wanted)
    return errors / words if words else None


def _cost_per_minute(stage: StageName, cases: Sequence[Case], prices: PriceBook) -> Decimal | None:
    cost = bill_of([case.trial for case in cases], prices).cost
    if cost is None or not cases:
        return None
    if stage is StageName.LLM:
        return cost / len(cases) * ANSWERS_PER_MINUTE
    minutes = Decimal(str(sum(case.audio_seconds for case in cases))) / 60
    return cost / minutes if minutes else None
