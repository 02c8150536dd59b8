"""Outcomes to figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.overlaps.call import Outcome
from bench.overlaps.cases import Kind
from bench.report import Figure, Rate
from gateway.commands.provider.word_errors import edit_distance, normalised

_FIRST = 2
"""Words that must not be lost."""
_LOOK = 4
"""Words of a transcript in which they are looked for."""


def figures(outcomes: Sequence[Outcome]) -> list[Figure | Rate]:
    """For each kind how often the agent did right, then times and first words."""
    found: list[Figure | Rate] = []
    for half in ("tuning", "held-out"):
        mine = [outcome for outcome in outcomes if outcome.case.half == half]
        for kind in Kind:
            for snr_db, line in ((None, "clean"), (10.0, "10 dB")):
                these = [one for one in mine if one.case.kind is kind and one.case.snr_db == snr_db]
                if these:
                    found.append(Rate.of(f"{half}, {line}: {_wanted(kind)}", sum(o.right for o in these), len(these)))
    return [*found, *_times(outcomes), *_first_words(outcomes)]


def _wanted(kind: Kind) -> str:
    return f"{kind} {'cuts' if kind.cuts else 'does not cut'}"


def _times(outcomes: Sequence[Outcome]) -> list[Figure | Rate]:
    cutting = [one for one in outcomes if one.case.kind.cuts and one.right]
    others = [one for one in outcomes if not one.case.kind.cuts and one.case.kind is not Kind.ECHO and one.right]
    echoes = [one for one in outcomes if one.case.kind is Kind.ECHO]
    found: list[Figure | Rate] = []
    for name, these, value in (
        ("interruption: onset to silence", cutting, lambda one: one.stopped_ms),
        ("interruption: onset to verdict", cutting, lambda one: one.verdict_ms),
        ("not cut: onset to verdict", others, lambda one: one.verdict_ms),
        ("not cut: onset to agent again", others, lambda one: one.resumed_ms),
    ):
        found += _figure(name, these, value)
    reactions = [ms for one in outcomes for ms in one.reaction_ms]
    found += [Figure.of("fast VAD: first voiced frame to pause", reactions)] if reactions else []
    if echoes:
        found.append(Figure.of("echo alone: pauses in 12 s", [one.pauses for one in echoes], unit=""))
    return found


def _figure(name: str, outcomes: Sequence[Outcome], value: Callable[[Outcome], int | None]) -> list[Figure | Rate]:
    values = [ms for ms in map(value, outcomes) if ms is not None]
    return [Figure.of(name, values)] if values else []


def _first_words(outcomes: Sequence[Outcome]) -> list[Figure | Rate]:
    spoken = [one for one in outcomes if one.case.kind.cuts and one.right and one.case.words]
    if not spoken:
        return []
    words = sum(len(_first(one.case.words)) for one in spoken)
    return [
        Rate.of("first two words: errors in the turn", sum(_errors(one, one.turn) for one in spoken), words),
        Rate.of("the same, recognised alone", sum(_errors(one, one.alone) for one in spoken), words),
        Rate.of("first word lost", sum(loses_first_word(one) for one in spoken), len(spoken)),
    ]


def _first(words: str) -> list[str]:
    return normalised(words)[:_FIRST]


def _errors(outcome: Outcome, heard: str) -> int:
    wanted, words = _first(outcome.case.words), normalised(heard)[:_LOOK]
    return min(edit_distance(wanted, words[:count]) for count in range(len(words) + 1))


def loses_first_word(outcome: Outcome) -> bool:
    """The recogniser understands the beginning when it hears the sound alone, and the turn does not have it."""
    first = _first(outcome.case.words)[0]
    return not _errors(outcome, outcome.alone) and first not in normalised(outcome.turn)[:_LOOK]
