"""`parley provider test`: does it work with the user's key, and how fast."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import typer

from gateway.call.prices import PriceBook
from gateway.commands.provider.attempt import SENTENCES, Bill, attempt, bill_of, material
from gateway.commands.provider.chosen import Candidate
from gateway.commands.provider.names import StageName
from gateway.commands.provider.trials import Trial
from gateway.commands.transcription import heard_in
from gateway.errors import ConfigError, ModelError
from gateway.providers.registry import Providers
from gateway.settings import Settings

_OPTIONS = "Options go beside the name: --model NAME, --option NAME=VALUE."


def run(
    settings: Settings, candidate: Candidate, *, text: str = "", seconds: float = 20, as_json: bool = False
) -> None:
    """Use the provider once, and print how it went.

    :param text: what it hears, is asked or says; empty for the usual
    :param seconds: for all of it
    :raises ConfigError: it cannot be made
    :raises ProviderError: it failed
    """
    stage = candidate.chosen.stage
    said = text or SENTENCES[stage]
    trial, heard = asyncio.run(_try(settings, candidate, said, seconds))
    bill = bill_of([trial], PriceBook(settings.prices))
    if as_json:
        typer.echo(json.dumps(_json(candidate, trial, bill, said, heard), ensure_ascii=False, indent=1))
        return
    typer.echo(f"{candidate}: works")
    for name, value in _lines(stage, trial, bill, said, heard):
        typer.echo(f"  {name:12} {value}")


async def _try(settings: Settings, candidate: Candidate, text: str, seconds: float) -> tuple[Trial, str]:
    """The trial, and what the embedded transcriber makes of a voice."""
    providers = Providers.of(settings)
    try:
        given = await material(candidate, text)
        trial = await attempt(providers, candidate, given, seconds=seconds)
    except ConfigError as error:
        raise ConfigError(f"{error} {_OPTIONS}" if "option" in str(error) else str(error)) from error
    finally:
        await providers.close()
    try:
        return trial, await heard_in(trial.pcm) if candidate.chosen.stage is StageName.TTS else ""
    except ModelError:
        return trial, ""


def _lines(stage: StageName, trial: Trial, bill: Bill, said: str, heard: str) -> Iterator[tuple[str, str]]:
    for part, ms in trial.ms.items():
        yield part, f"{ms:.0f} ms"
    if stage is StageName.TTS:
        yield "said", said
        yield "audio", f"{trial.seconds:.1f} s"
        if heard:
            yield "heard", " ".join(heard.split())
    else:
        yield ("said" if stage is StageName.STT else "asked"), said
        if trial.heard:
            yield "heard", trial.heard
        yield ("heard" if stage is StageName.STT else "answered"), trial.text or "nothing"
    yield "used", bill.used
    yield "cost", "price not known: write it under prices" if bill.cost is None else f"${bill.cost:.6f}"


def _json(candidate: Candidate, trial: Trial, bill: Bill, said: str, heard: str) -> dict[str, object]:
    return {
        "stage": candidate.chosen.stage,
        "provider": candidate.chosen.provider,
        "model": candidate.model or None,
        "ms": {part: round(ms, 1) for part, ms in trial.ms.items()},
        "said": said,
        "text": trial.text,
        "heard": trial.heard or heard or None,
        "audio_seconds": trial.seconds or None,
        "used": bill.used,
        "cost": None if bill.cost is None else float(bill.cost),
    }
