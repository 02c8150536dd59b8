"""`parley provider bench`: the configured providers side by side, on the same speech and questions."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from gateway.call.prices import PriceBook
from gateway.commands.provider.attempt import Material, attempt, material
from gateway.commands.provider.chosen import Candidate, of_assistants, with_a_key
from gateway.commands.provider.names import StageName
from gateway.commands.provider.score import ANSWERS_PER_MINUTE, Case, Score, score
from gateway.commands.provider.trials import Trial
from gateway.commands.transcription import heard_in
from gateway.errors import ConfigError, ModelError, ProviderError
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from gateway.providers.registry import Providers
from gateway.settings import Settings
from gateway.sip.softphone_audio import read_speech

SPOKEN = (
    "My order number is four eight two one.",
    "I would like to change the delivery address, please.",
    "Could you tell me whether you are open on Saturday afternoon?",
    "The number is zero seven seven three, nine five two, six one eight.",
    "No, that is not what I ordered.",
)
QUESTIONS = (
    "What day comes after Monday?",
    "How many minutes are there in two hours?",
    "Say goodbye to the caller.",
    "Which is warmer, summer or winter?",
    "Ask the caller for an order number.",
)
METHOD = (
    "Medians over all trials, one after the other. Connected: until a connection is open. Transcribers hear each "
    "sentence at the pace of a telephone (8 kHz, by the embedded voice, or your recordings); first: the first words, "
    "from the beginning of the speech; whole: the transcript, from its end. Models: from the request to the first "
    "token and to the end; one that speaks by itself is asked in speech, and timed to its first audio. Voices: to the "
    "first audio and to the end; their words are checked by the embedded transcriber. WER: wrong, missing and "
    "additional words by words said. Cost: per minute of audio; of a model for "
    f"{ANSWERS_PER_MINUTE} such answers a minute."
)
GIVEN_UP_AFTER = 3
"""Failures in a row."""
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """:param runs: of each text
    :param recordings: a folder of sound files, each with what is said in a .txt file of the same name; None for none"""

    runs: int = 3
    recordings: Path | None = None


def run(settings: Settings, named: Sequence[Candidate], plan: Plan, *, as_json: bool) -> None:
    """Compare the named providers, or all that are configured, and print the scores.

    :raises ConfigError: there is nothing to compare, or a recording cannot be read
    :raises ModelError: the embedded voice, which speaks to transcribers, is missing
    """
    candidates = list(named) or configured(settings)
    if not candidates:
        raise ConfigError("No provider is configured: name one, such as stt/deepgram, or configure an assistant.")
    scores = asyncio.run(_bench(settings, candidates, plan))
    if as_json:
        typer.echo(json.dumps({"method": METHOD, "scores": [_json(one) for one in scores]}, indent=1))
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print(_table(scores))
    for one in scores:
        for failure in dict.fromkeys(one.failures):
            console.print(f"{one.candidate}: {failure}", markup=False)
    console.print(f"\n{METHOD}", markup=False, style="dim")


def configured(settings: Settings) -> list[Candidate]:
    """The providers of the assistants, and others that there is a key for."""
    used = list(of_assistants(settings))
    chosen = {one.chosen for one in used}
    return used + [one for one in with_a_key(settings) if one.chosen not in chosen]


async def _bench(settings: Settings, candidates: Sequence[Candidate], plan: Plan) -> list[Score]:
    stages = list(StageName)
    materials = [await _materials(one, plan) for one in candidates]
    prices = PriceBook(settings.prices)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    scores = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=sum(map(len, materials)))
        pairs = zip(candidates, materials, strict=True)
        for candidate, given in sorted(pairs, key=lambda pair: stages.index(pair[0].chosen.stage)):
            progress.update(bar, description=str(candidate))
            cases, failures = await _trials(settings, candidate, given, lambda: progress.advance(bar))
            scores.append(score(candidate, cases, failures, prices))
    return scores


async def _materials(candidate: Candidate, plan: Plan) -> list[Material]:
    stage = candidate.chosen.stage
    texts = QUESTIONS if stage is StageName.LLM else SPOKEN
    given = [await material(candidate, _varied(stage, text, run)) for run in range(plan.runs) for text in texts]
    if stage is StageName.STT and plan.recordings is not None:
        given += plan.runs * await asyncio.to_thread(list, recordings(plan.recordings))
    return given


def _varied(stage: StageName, text: str, run: int) -> str:
    """A voice gets no sentence twice: some keep what they have said."""
    return f"Number {run + 1}, {text[0].lower()}{text[1:]}" if run and stage is StageName.TTS else text


def recordings(folder: Path) -> Iterator[Material]:
    """The sound files of a folder that have a .txt file of the same name, with what it says.

    :raises ConfigError: there are none, or one cannot be read
    """
    found = [path for path in sorted(folder.iterdir()) if path.with_suffix(".txt").is_file() and path.suffix != ".txt"]
    if not found:
        raise ConfigError(f"{folder} holds no sound file with a .txt file of the same name beside it.")
    for path in found:
        yield Material(path.with_suffix(".txt").read_text(encoding="utf-8").strip(), read_speech(path))


async def _trials(
    settings: Settings, candidate: Candidate, given: Iterable[Material], tick: Callable[[], None]
) -> tuple[list[Case], list[str]]:
    """All trials of one provider: what came of them, and a sentence for each that failed."""
    cases, failures, in_a_row = list[Case](), list[str](), 0
    providers = Providers.of(settings)
    try:
        for one in given:
            if in_a_row < GIVEN_UP_AFTER:
                try:
                    trial = await attempt(providers, candidate, one, seconds=_SECONDS)
                    cases.append(await _case(candidate.chosen.stage, one, trial))
                    in_a_row = 0
                except (ConfigError, ModelError) as error:
                    failures.append(str(error))
                    in_a_row = GIVEN_UP_AFTER
                except ProviderError as error:
                    failures.append(str(error))
                    in_a_row += 1
            tick()
    finally:
        await providers.close()
    return cases, failures


async def _case(stage: StageName, given: Material, trial: Trial) -> Case:
    case = Case(trial, wanted=given.text, heard=trial.text)
    match stage:
        case StageName.STT:
            return replace(case, audio_seconds=len(given.speech) / SAMPLE_BYTES / SAMPLE_RATE)
        case StageName.TTS:
            return replace(case, heard=await heard_in(trial.pcm), audio_seconds=trial.seconds)
    return case


# ---------------------------------------------------------------- shown


def _table(scores: Iterable[Score]) -> Table:
    table = Table("stage", "provider", box=None, padding=(0, 2, 0, 0))
    for name in ("trials", "connected", "first", "whole", "WER", "cost/min"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in scores:
        trials = f"{one.trials} of {one.trials + len(one.failures)}" if one.failures else str(one.trials)
        table.add_row(
            str(one.candidate.chosen.stage),
            f"{one.candidate.chosen.provider} {one.candidate.model}".strip(),
            trials,
            _ms(one.connected),
            _ms(one.first),
            _ms(one.whole),
            "" if one.word_error_rate is None else f"{100 * one.word_error_rate:.1f} %",
            "not known" if one.cost_per_minute is None else f"${one.cost_per_minute:.4f}",
        )
    return table


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"


def _json(one: Score) -> dict[str, object]:
    return {
        "stage": one.candidate.chosen.stage,
        "provider": one.candidate.chosen.provider,
        "model": one.candidate.model or None,
        "trials": one.trials,
        "failures": list(one.failures),
        "connected_ms": one.connected,
        "first_ms": one.first,
        "whole_ms": one.whole,
        "word_error_rate": one.word_error_rate,
        "cost_per_minute": None if one.cost_per_minute is None else float(one.cost_per_minute),
    }
