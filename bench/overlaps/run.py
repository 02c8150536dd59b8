"""What the product makes of sound over its agent's voice: the labelled set in virtual time."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.overlaps.call import Outcome, hold
from bench.overlaps.cases import HELD_OUT, SEED, TUNING, cases
from bench.overlaps.score import figures, loses_first_word
from bench.report import Report

SUMMARY = "over 700 overlaps: interruptions, acknowledgements, noise, echo, side talk; about 6 minutes"
METHOD = (
    f"generated from seed {SEED}: human and synthetic speech through 8 kHz µ-law, clean and at 10 dB of white noise; "
    "in virtual time, frame by frame, through the real fast VAD, playout, pauses, Silero, recogniser and turn machine; "
    "a recognition takes the processor time that it took; each case a call of its own in which the caller first says a "
    f"sentence (echo: from the greeting on); settings were chosen on the speakers {', '.join(TUNING)}, held out are "
    f"{', '.join(HELD_OUT)}; noise, echo and side talk alternate"
)


async def measure(folder: Path) -> Report:
    """Hold a call for each case; the outcome of each goes to `outcomes.txt`."""
    outcomes = await asyncio.to_thread(_hold_all)
    lines = [_line(outcome) for outcome in outcomes]
    (folder / "outcomes.txt").write_text("\n".join(lines) + "\n")
    wrong = [line for line, outcome in zip(lines, outcomes, strict=True) if _strange(outcome)]
    return Report("overlaps", METHOD, figures(outcomes), [], wrong)


def _hold_all() -> list[Outcome]:
    with ProcessPoolExecutor(max(1, (os.cpu_count() or 1) // 2)) as pool:
        return list(pool.map(hold, cases(), chunksize=8))


def _strange(outcome: Outcome) -> bool:
    return not outcome.right or (outcome.case.kind.cuts and bool(outcome.case.words) and loses_first_word(outcome))


def _line(outcome: Outcome) -> str:
    times = f"silent {outcome.stopped_ms}, verdict {outcome.verdict_ms}, again {outcome.resumed_ms} ms"
    reason = "cut before the sound" if outcome.cut_before else outcome.reason or "nothing"
    return (
        f"{outcome.case.name} [{outcome.case.half}]: {reason}, {times}, turn {outcome.turn!r}, alone {outcome.alone!r}"
    )
