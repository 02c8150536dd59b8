"""Tries a provider once, from its settings to its bill."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from gateway.assistant.provider_settings import ProviderSettings
from gateway.call.prices import PriceBook
from gateway.commands.provider.chosen import Candidate
from gateway.commands.provider.names import StageName
from gateway.commands.provider.stages import STAGES
from gateway.commands.provider.trials import Trial, try_model, try_transcriber, try_voice
from gateway.errors import ProviderTimeout
from gateway.providers.base import LanguageModel, Transcriber, Voice, Warmable
from gateway.providers.registry import Providers

SENTENCES: dict[StageName, str] = {
    StageName.STT: "My order number is four eight two one, and I would like to change the delivery address.",
    StageName.LLM: "What day comes after Monday?",
    StageName.TTS: "Your order four eight two one is on its way, and it will arrive on Friday.",
}
"""What is said to a transcriber, asked of a model and spoken by a voice, unless the user wants something else."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a provider hears, is asked or says.

    :param speech: the text, spoken: 8000 Hz mono s16le; only for transcribers
    """

    text: str
    speech: bytes = b""


async def material(stage: StageName, text: str) -> Material:
    """A text for a provider of this stage. :raises ModelError: the embedded voice, which would speak it, is missing"""
    return Material(text, await spoken(text) if stage is StageName.STT else b"")


async def attempt(providers: Providers, candidate: Candidate, given: Material, *, seconds: float) -> Trial:
    """Make the provider, where it is not made yet, and use it once.

    :param seconds: for all of it but the making
    :raises ConfigError: it cannot be made: a key, a package or an option is missing or wrong
    :raises ProviderError: it failed
    :raises ModelError: a model of its own is missing
    """
    stage = candidate.chosen.stage
    provider = await asyncio.to_thread(providers.make, STAGES[stage], candidate.settings)
    if isinstance(provider, Warmable):
        await provider.warm_up()
    try:
        async with asyncio.timeout(seconds):
            match stage:
                case StageName.STT:
                    return await try_transcriber(cast(Transcriber, provider), given.speech)
                case StageName.LLM:
                    return await try_model(cast(LanguageModel, provider), given.text)
                case StageName.TTS:
                    return await try_voice(cast(Voice, provider), given.text)
    except TimeoutError:
        raise ProviderTimeout(f"{candidate} did not finish within {seconds:g} s.") from None


async def spoken(text: str) -> bytes:
    """A text by the embedded voice, 8000 Hz mono s16le.

    :raises ModelError: its model is missing
    """
    voice = cast(Voice, await asyncio.to_thread(Providers().make, "voice", ProviderSettings(provider="hibari")))
    return b"".join([chunk.pcm async for chunk in voice.speak(text)])


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
