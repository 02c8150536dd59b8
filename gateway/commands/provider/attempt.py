"""Tries a provider once, from its settings to its bill."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from gateway.assistant.provider_settings import ProviderSettings
from gateway.call.prices import PriceBook
from gateway.commands.provider.chosen import Candidate
from gateway.commands.provider.names import StageName
from gateway.commands.provider.stages import STAGES
from gateway.commands.provider.trials import Trial, try_model, try_speaking_model, try_transcriber, try_voice
from gateway.errors import ProviderTimeout
from gateway.providers.base import LanguageModel, Transcriber, Voice, Warmable
from gateway.providers.registry import Providers, Stages

SENTENCES: dict[StageName, str] = {
    StageName.STT: "My order number is four eight two one, and I would like to change the delivery address.",
    StageName.LLM: "What day comes after Monday?",
    StageName.TTS: "Your order four eight two one is on its way, and it will arrive on Friday.",
}
"""What is said to a transcriber, asked of a model and spoken by a voice, unless the user wants something else."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a provider hears, is asked or says.

    :param speech: the text, spoken: 8000 Hz mono s16le; for what hears
    """

    text: str
    speech: bytes = b""


async def material(candidate: Candidate, text: str) -> Material:
    """A text for a provider. :raises ModelError: the embedded voice, which would speak it, is missing"""
    hears = candidate.chosen.stage is StageName.STT or candidate.assistant is not None
    return Material(text, await spoken(text) if hears else b"")


async def attempt(providers: Providers, candidate: Candidate, given: Material, *, seconds: float) -> Trial:
    """Make the provider, where it is not made yet, and use it once.

    :param seconds: for all of it but the making
    :raises ConfigError: it cannot be made: a key, a package or an option is missing or wrong
    :raises ProviderError: it failed
    :raises ModelError: a model of its own is missing
    """
    made = await asyncio.to_thread(_made, providers, candidate)
    if isinstance(made, Warmable):
        await made.warm_up()
    try:
        async with asyncio.timeout(seconds):
            return await _use(made, candidate.chosen.stage, given)
    except TimeoutError:
        raise ProviderTimeout(f"{candidate} did not finish within {seconds:g} s.") from None


def _made(providers: Providers, candidate: Candidate) -> object:
    assistant = candidate.assistant
    return (
        providers.stages(assistant) if assistant else providers.make(STAGES[candidate.chosen.stage], candidate.settings)
    )


async def _use(made: object, stage: StageName, given: Material) -> Trial:
    if isinstance(made, Stages):
        return await try_speaking_model(made.transcriber, made.model, given.speech)
    match stage:
        case StageName.STT:
            return await try_transcriber(cast(Transcriber, made), given.speech)
        case StageName.LLM:
            return await try_model(cast(LanguageModel, made), given.text)
        case StageName.TTS:
            return await try_voice(cast(Voice, made), given.text)


async def spoken(text: str) -> bytes:
    """A text by the embedded voice, 8000 Hz mono s16le.

    :raises ModelError: its model is missing
    """
    voice = await asyncio.to_thread(_embedded_voice)
    return b"".join([chunk.pcm async for chunk in voice.speak(text)])


@functools.cache
def _embedded_voice() -> Voice:
    return cast(Voice, Providers().make("voice", ProviderSettings(provider="hibari")))


@dataclass(frozen=True, slots=True)
class Bill:
    """What a trial costs, USD; None when a price is not known. `used` is the amounts in words."""

    cost: Decimal | None
    used: str


def bill_of(trials: Sequence[Trial], prices: PriceBook) -> Bill:
    """What trials of one provider used together."""
    usages = [usage for trial in trials for usage in trial.usage]
    costs = [prices.cost(usage) for usage in usages]
    known = None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))
    prompt, completion = (sum(getattr(one, name) for one in usages) for name in ("prompt_tokens", "completion_tokens"))
    amounts = {
        "s of audio": round(sum(usage.seconds for usage in usages), 1),
        "characters": sum(usage.characters for usage in usages),
        "prompt tokens": prompt,
        "completion tokens": completion,
    }
    used = ", ".join(f"{amount} {unit}" for unit, amount in amounts.items() if amount)
    return Bill(known, used or "nothing told")
