"""Calls whose workers are killed, or stand still, in the middle of a sentence."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import Figure, Report, Target
from tests.faults.counting import booking_assistant, counting_assistant
from tests.faults.effects import TAKES_SECONDS, EffectServer
from tests.faults.worker_loss import FREEZE_SECONDS, WORKERS, Fate, Outcome, Round, lose_workers, office

SUMMARY = "what callers hear when 20 workers are killed, and 20 stopped, in the middle of a sentence (--all: 200)"
METHOD = (
    f"`parley serve` with {WORKERS} workers in processes of their own, five callers at once (PCMU), who are told 40 "
    "words of a tone each; three times a round the worker with the most calls gets SIGKILL (another one is begun at "
    f"once), or SIGSTOP for {FREEZE_SECONDS} s. Half of the rounds say a fixed text; in the others a model uses a tool "
    f"meanwhile, whose server takes {TAKES_SECONDS} s and counts requests by call and Idempotency-Key. Words, gaps "
    "between packets and silences between words (where 40 ms are usual) are those of captured RTP"
)
USUAL_LOSSES, ALL_LOSSES = 20, 200
LOSSES_OF_A_ROUND = 3
ENDED = "customer-ended-call"
MOST_GAP_MS, MOST_SILENCE_MS = 40, 1000


@dataclass(frozen=True, slots=True)
class Found:
    """All rounds of one fate. `effects` are the tool requests of each call."""

    fate: Fate
    workers: int
    outcomes: Sequence[Outcome]
    effects: Mapping[str, int]
    keys: Mapping[str, int]

    @property
    def hit(self) -> Sequence[Outcome]:
        """Calls that lost a worker."""
        return [one for one in self.outcomes if one.losses]


async def measure(folder: Path, everything: bool = False) -> Report:
    """Run it; four minutes, or forty with everything."""
    losses = ALL_LOSSES if everything else USUAL_LOSSES
    begun = time.monotonic()
    found = [await _lose(folder / fate, fate, losses) for fate in Fate]
    notes = [f"{time.monotonic() - begun:.0f} s in all", *map(_note, found)]
    figures = [figure for one in found for figure in _figures(one)]
    targets = [target for one in found for target in _targets(one)]
    return Report("worker_loss", METHOD, figures, [], notes, targets=targets)


async def _lose(folder: Path, fate: Fate, losses: int) -> Found:
    rounds = [Round((fate,) * LOSSES_OF_A_ROUND, seed=seed) for seed in range(-(-losses // LOSSES_OF_A_ROUND))]
    half = len(rounds) // 2
    words = rounds[0].words
    async with EffectServer().serving() as server:
        outcomes = await _lose_in(folder / "text", counting_assistant(words), rounds[:half])
        outcomes += await _lose_in(folder / "tool", booking_assistant(words, server.url), rounds[half:])
        return Found(fate, len(rounds) * LOSSES_OF_A_ROUND, outcomes, dict(server.by_call), dict(server.by_key))


async def _lose_in(folder: Path, assistant: Mapping[str, Any], rounds: Sequence[Round]) -> list[Outcome]:
    async with office(folder, assistant) as (product, crew):
        return [one for plan in rounds for one in await lose_workers(product, crew, plan)]


def _figures(found: Found) -> list[Figure]:
    silences = [silence for one in found.hit for silence in one.silences_ms]
    return [
        Figure.of(f"{found.fate}: longest silence after a loss", silences),
        Figure.of(f"{found.fate}: longest gap between packets", [one.gap_ms for one in found.outcomes]),
    ]


def _targets(found: Found) -> list[Target]:
    silences, gaps = _figures(found)
    beyond = sum(max(0, len(one.repeated) - one.losses) for one in found.outcomes)
    again = sum(count - 1 for count in found.effects.values())
    return [
        Target(f"{found.fate}: calls dropped", sum(one.reason != ENDED for one in found.outcomes), 0, ""),
        Target(f"{found.fate}: gap between packets, longest", gaps.worst, MOST_GAP_MS),
        Target(f"{found.fate}: speaking again, p95", silences.p95, MOST_SILENCE_MS),
        Target(f"{found.fate}: words missing", sum(len(one.missing) for one in found.outcomes), 0, ""),
        Target(f"{found.fate}: words repeated beyond one a loss", beyond, 0, ""),
        Target(f"{found.fate}: tool effects repeated", again, 0, ""),
    ]


def _note(found: Found) -> str:
    losses = sum(one.losses for one in found.outcomes)
    repeated = sum(len(one.repeated) for one in found.outcomes)
    return (
        f"{found.workers} workers {found.fate}: {losses} losses in {len(found.hit)} of {len(found.outcomes)} calls, "
        f"{repeated} words repeated; {sum(found.effects.values())} requests to the tool by {len(found.effects)} calls "
        f"under {len(found.keys)} keys"
    )
