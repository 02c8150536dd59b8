"""How fast conversations run in virtual time: whole calls around the turn machine, without sound or network."""

from __future__ import annotations

import time
from pathlib import Path

from bench.report import Figure, Report
from tests.conversation.simulation.conversation import converse

SUMMARY = "conversations in virtual time: minutes per second, and what an event costs"
METHOD = (
    "simulated calls, half of them under rough conditions, with a referee that checks every rule; CPU time of one "
    "process; an event is one that the turn machine is told, and its cost holds the whole simulation around it"
)
BATCHES, CALLS = 12, 20


async def measure(_: Path) -> Report:
    """Run it; about ten seconds."""
    rates, costs, minutes = [], [], 0.0
    for batch in range(BATCHES):
        begun = time.process_time()
        outcomes = [converse(seed) for seed in range(batch * CALLS, (batch + 1) * CALLS)]
        seconds = time.process_time() - begun
        held = sum(outcome.ms for outcome in outcomes) / 60_000
        minutes += held
        rates.append(held / seconds)
        costs.append(seconds * 1e6 / sum(outcome.events for outcome in outcomes))
    figures = [
        Figure.of("minutes of conversation a second", rates, unit="min"),
        Figure.of("an event, all parties included", costs, unit="µs"),
        Figure.of("1,000 minutes", [1_000 / rate for rate in rates], unit="s"),
    ]
    return Report("conversation", METHOD, figures, [], [f"{minutes:.0f} minutes in {BATCHES * CALLS} calls"])
