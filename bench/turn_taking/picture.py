"""The picture of a run: waits beside cut-offs, where the time of each turn went, and how soon the agent fell silent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.measured_turn import MeasuredTurn
from bench.turn_taking.overlaps import SeenOverlap
from bench.turn_taking.turn_ends import SeenTurn

_PARTS = ("buffering", "dating", "endpointing", "transcriber", "model", "voice", "playout")
_REACTION_MS = 200


def draw(
    file: Path, turns: Sequence[SeenTurn], overlaps: Sequence[SeenOverlap], answered: Sequence[MeasuredTurn]
) -> Path:
    """Draw it into a PNG file; returns the file."""
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(15, 4.5), layout="constrained")
        waits, waterfall, reactions = figure.subplots(1, 3)
        _draw_waits(waits, turns)
        _draw_waterfall(waterfall, answered)
        _draw_reactions(reactions, overlaps)
        figure.savefig(file, dpi=120)
    return file


def _draw_waits(axes: Axes, turns: Sequence[SeenTurn]) -> None:
    """What a fixed wait would do to the same pauses, and what was done."""
    pauses = [pause for turn in turns for pause in turn.pauses]
    waits = np.arange(0, 1600, 20)
    fixed = [100 * np.mean([pause.ms > wait for pause in pauses]) for wait in waits]
    answers = [turn.answer_ms for turn in turns if turn.answer_ms is not None]
    axes.plot(waits, fixed, color="0.6", label="a fixed wait, on these pauses")
    cut_off = 100 * np.mean([pause.cut_off for pause in pauses])
    axes.plot(np.median(answers), cut_off, "o", color="C3", label="this run: median answer, false cut-offs")
    axes.axhline(10, color="0.8", linestyle=":")
    axes.set(
        title="Wait and false cut-offs", xlabel="from the end of speech to the answer, ms", ylabel="pauses cut off, %"
    )
    axes.legend(frameon=False)


def _draw_waterfall(axes: Axes, answered: Sequence[MeasuredTurn]) -> None:
    """Each turn a bar, by length; a negative part is drawn as none, and the dot is the whole on the wire."""
    ordered = sorted(answered, key=lambda turn: turn.wire)
    left = np.zeros(len(ordered))
    for part in _PARTS:
        lengths = np.array([max(0.0, _part(turn, part)) for turn in ordered])
        axes.barh(range(len(ordered)), lengths, left=left, label=part, height=0.9)
        left += lengths
    axes.plot([turn.wire for turn in ordered], range(len(ordered)), "k.", markersize=3, label="wire")
    axes.set(title="Where the time of each turn went", xlabel="ms", yticks=[], ylabel="turns")
    axes.legend(frameon=False, fontsize=7, loc="lower right")


def _part(turn: MeasuredTurn, part: str) -> float:
    return float(getattr(turn, part) if part in ("buffering", "dating") else turn.recorded[part])


def _draw_reactions(axes: Axes, overlaps: Sequence[SeenOverlap]) -> None:
    for cuts, name in ((True, "interruptions"), (False, "other sounds")):
        times = [one.stopped_ms for one in overlaps if one.kind.cuts is cuts and one.stopped_ms is not None]
        axes.hist(times, bins=list(range(0, 620, 20)), alpha=0.6, label=f"{name} (n={len(times)})")
    axes.axvline(_REACTION_MS, color="0.6", linestyle=":")
    axes.set(title="Onset to the agent's last packet", xlabel="ms", ylabel="sounds")
    axes.legend(frameon=False)
