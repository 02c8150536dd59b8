"""`bench.transcription` as one of the benchmarks of `python -m bench`: its scores as a report."""

from __future__ import annotations

from pathlib import Path

from bench.report import Figure, Rate, Report
from bench.telephone_speech import answers, digits, sentences
from bench.transcription import score
from gateway.providers.stt.embedded import embedded_recognisers

SUMMARY = "word error rate and exact digit strings of the embedded recognisers, through the telephone"
METHOD = (
    "8 kHz, µ-law, line noise at -62 dBFS, cut where Silero finds speech; human prompts and digits, synthetic "
    "speakers; each recognition alone; see bench/transcription.py, which also lists what was not recognised"
)
SENTENCES, DIGIT_STRINGS, SEED = 80, 4, 7


async def measure(_folder: Path) -> Report:
    """Run it; about two minutes. The reference of each recogniser is the other one."""
    cases = [*sentences(SENTENCES), *digits(DIGIT_STRINGS, seed=SEED), *answers()]
    figures: list[Figure | Rate] = []
    for name, recogniser in embedded_recognisers().items():
        for kind, one in score(recogniser, cases).items():
            figures.append(Figure.of(f"{name}, {kind}: time", [1000 * seconds for seconds in one.seconds]))
            figures += one.rates(f"{name}, {kind}")
    return Report("transcription", METHOD, figures, [])
