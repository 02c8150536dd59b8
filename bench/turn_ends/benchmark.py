"""`bench.turn_ends` as one of the benchmarks of `python -m bench`: waits at true ends, cut-offs in pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.report import Figure, Rate, Report
from bench.turn_ends.calls import Call, calls
from bench.turn_ends.conversation import Conversation, Heard
from bench.turn_ends.recognition import TimedRecogniser
from bench.turn_ends.score import Ending, Pausing, judged
from gateway.assistant.start_speaking_plan import StartSpeakingPlan
from gateway.conversation.plan import TurnPlan
from gateway.providers.stt.embedded import embedded_recognisers

SUMMARY = "440 turn ends and 299 pauses inside turns in virtual time: waits and false cut-offs; about 10 minutes"
METHOD = (
    "labelled calls of bench/turn_ends (human prompts, flite, espeak-ng; half of them at 10 dB SNR in babble, pink or "
    "street noise; 8 kHz µ-law; pauses log-normal, median 0.55 s, 0.25 to 1.5 s) fed frame by frame into the product's "
    "voice activity, transcriber, turn detector and turn machine; virtual time, to which each recognition adds its "
    "processor time; wait: last sample of speech (30 dB below its loud parts) to CommitTurn, without network and "
    "jitter buffer; cut-off: CommitTurn in a pause or in the speech after it; rules and coefficients were made on the "
    "tuning half, whose speakers and words are others than those of the held-out half"
)
HALVES = ("held out", "tuning")
WAITS_MS = (200, 300, 400, 600)
"""`waitSeconds` for which the held-out half is run too."""


async def measure(folder: Path) -> Report:
    """Run it. Recognitions are kept in the folder, so that a second run with `--keep` takes a minute."""
    said = await asyncio.to_thread(lambda: list(calls()))
    recogniser = TimedRecogniser(embedded_recognisers()["embedded"], folder / "recognitions.jsonl")
    default_ms = round(StartSpeakingPlan().wait_seconds * 1000)
    heard = {half: await hold(_of(said, half), recogniser, default_ms) for half in HALVES}
    held_out = heard[HALVES[0]]
    rows = [await _row(_of(said, HALVES[0]), recogniser, wait_ms) for wait_ms in WAITS_MS]
    reference = [figure for row in rows for figure in row]
    notes = [f"per turn {_recognitions(held_out):.2f} recognitions, held out"]
    return Report("turn_ends", METHOD, [*_overview(heard), *_details(held_out)], reference, notes)


async def hold(said: Sequence[Call], recogniser: TimedRecogniser, wait_ms: int) -> list[Heard]:
    """Hold the calls, each by itself, with this `waitSeconds`."""
    return [await Conversation(call, recogniser, TurnPlan(wait_ms=wait_ms)).hold() for call in said]


def _of(said: Sequence[Call], half: str) -> list[Call]:
    return [call for call in said if call.half == half]


def _overview(heard: dict[str, list[Heard]]) -> list[Figure | Rate]:
    figures: list[Figure | Rate] = []
    for half, held in heard.items():
        ends, pauses, inside = judged(held)
        whole = [end for end in ends if not end.turn.pauses]
        figures += [_waits(f"{half}: wait", ends), _waits(f"{half}: wait, no pause before", whole)]
        figures += [_cut_offs(f"{half}: false cut-offs", pauses)]
        figures += [Rate.of(f"{half}: never taken", sum(end.wait_ms is None for end in ends), len(ends))]
        figures += [Rate.of(f"{half}: taken while he spoke on", inside, len(ends))]
    return figures


def _details(held: Sequence[Heard]) -> list[Figure | Rate]:
    """The held-out half by noise and by kind."""
    ends, pauses, _ = judged(held)
    figures: list[Figure | Rate] = []
    for noise in dict.fromkeys(end.noise for end in ends):
        figures += [_waits(f"{noise}: wait", [end for end in ends if end.noise == noise])]
        figures += [_cut_offs(f"{noise}: false cut-offs", [pause for pause in pauses if pause.noise == noise])]
    for kind in sorted({end.turn.utterance.kind for end in ends}):
        figures += [_waits(f"{kind}: wait", [end for end in ends if end.turn.utterance.kind == kind])]
        if found := [pause for pause in pauses if pause.turn.utterance.kind == kind]:
            figures += [_cut_offs(f"{kind}: false cut-offs", found)]
    return figures


async def _row(said: Sequence[Call], recogniser: TimedRecogniser, wait_ms: int) -> list[Figure | Rate]:
    ends, pauses, _ = judged(await hold(said, recogniser, wait_ms))
    name = f"waitSeconds {wait_ms / 1000:g}"
    return [_waits(f"{name}: wait", ends), _cut_offs(f"{name}: false cut-offs", pauses)]


def _waits(name: str, ends: Sequence[Ending]) -> Figure:
    return Figure.of(name, [end.wait_ms for end in ends if end.wait_ms is not None])


def _cut_offs(name: str, pauses: Sequence[Pausing]) -> Rate:
    return Rate.of(name, sum(pause.cut_off for pause in pauses), len(pauses))


def _recognitions(held: Sequence[Heard]) -> float:
    return float(np.sum([one.recognitions for one in held]) / np.sum([len(one.call.turns) for one in held]))
