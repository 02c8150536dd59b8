"""What providers charge: the list prices that come with Parley, and the user's own before them.

An entry is one price of one unit (`prices.yaml` beside this file, or `prices` in the settings):

    {component: llm, provider: openai, model: gpt-4.1, unit: 1M prompt tokens, price: 2.00}

`provider` and `model` are as in the assistant; `model` is a shell pattern. The first entry that fits is taken.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from gateway.providers.catalogue import BY_STAGE
from gateway.providers.usage import Stage, Usage

Component = Literal["stt", "llm", "tts", "telephony", "platform"]
Unit = Literal[
    "month",
    "minute",
    "1k characters",
    "1M prompt tokens",
    "1M cached prompt tokens",
    "1M completion tokens",
    "1M prompt audio tokens",
    "1M cached prompt audio tokens",
    "1M completion audio tokens",
]

COMPONENTS: Mapping[Stage, Component] = {"transcriber": "stt", "model": "llm", "voice": "tts"}
_MINUTE, _THOUSAND, _MILLION = Decimal(60), Decimal(1000), Decimal(1_000_000)
_INSTEAD: Mapping[Unit, Unit] = {
    "1M cached prompt tokens": "1M prompt tokens",
    "1M cached prompt audio tokens": "1M prompt audio tokens",
}
"""A provider that gives no discount has no price for it."""


class Price(BaseModel):
    """A price of one unit, USD. `high` makes it a range, for estimates; a call is billed by `price`, and nothing by the
    month."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    component: Component
    provider: str = "*"
    model: str = "*"
    unit: Unit
    price: Decimal = Field(ge=0)
    high: Decimal | None = Field(default=None, ge=0)

    def fits(self, component: Component, provider: str, model: str, unit: Unit) -> bool:
        """Whether this is the price of such a unit."""
        same = (self.component, self.unit) == (component, unit)
        return same and fnmatchcase(provider, self.provider) and fnmatchcase(model, self.model)


class PriceBook:
    """The prices that hold here.

    :param own: the user's, looked at first
    """

    def __init__(self, own: Iterable[Price] = ()) -> None:
        self._prices = (*own, *list_prices()[1])

    def entry(self, component: Component, provider: str, model: str, unit: Unit) -> Price | None:
        """The entry for a unit; None when there is none. Without a discount, what is cached costs what others do."""
        found = next((one for one in self._prices if one.fits(component, provider, model, unit)), None)
        instead = _INSTEAD.get(unit)
        return self.entry(component, provider, model, instead) if found is None and instead else found

    def price(self, component: Component, provider: str, model: str, unit: Unit) -> Decimal | None:
        """The price of a unit, USD; None when it is not known."""
        found = self.entry(component, provider, model, unit)
        return found.price if found else None

    def cost(self, usage: Usage) -> Decimal | None:
        """What a usage costs, USD, unrounded; None when a price that it needs is not known.

        What runs in this process costs nothing. Of a voice's characters and seconds those count that have a price.
        """
        if is_embedded(usage.stage, usage.provider):
            return Decimal(0)
        amounts = amounts_of(usage)
        component = COMPONENTS[usage.stage]
        priced = {unit: self.price(component, usage.provider, usage.model, unit) for unit in amounts}
        missing = [unit for unit, price in priced.items() if price is None]
        if missing and (usage.stage == "model" or len(missing) == len(amounts)):
            return None
        return sum((amounts[unit] * (price or 0) for unit, price in priced.items()), Decimal(0))


def is_embedded(stage: Stage, provider: str) -> bool:
    """It runs in our own process, and nobody bills it."""
    entry = BY_STAGE[stage].get(provider)
    return entry is not None and entry.embedded


def amounts_of(usage: Usage) -> dict[Unit, Decimal]:
    """How much of each unit a usage is; units of which it is nothing are left out. What a provider counts twice (more
    cached tokens than there were) makes nothing cheaper."""
    cached_audio = usage.cached_prompt_audio_tokens
    cached = usage.cached_prompt_tokens - cached_audio
    audio = usage.prompt_audio_tokens - cached_audio
    tokens: dict[Unit, int] = {
        "1M prompt tokens": usage.prompt_tokens - cached - cached_audio - audio,
        "1M cached prompt tokens": cached,
        "1M prompt audio tokens": audio,
        "1M cached prompt audio tokens": cached_audio,
        "1M completion tokens": usage.completion_tokens - usage.completion_audio_tokens,
        "1M completion audio tokens": usage.completion_audio_tokens,
    }
    amounts: dict[Unit, Decimal] = {unit: count / _MILLION for unit, count in tokens.items()}
    amounts["1k characters"] = usage.characters / _THOUSAND
    amounts["minute"] = Decimal(str(usage.seconds)) / _MINUTE
    return {unit: amount for unit, amount in amounts.items() if amount > 0}


@functools.cache
def list_prices() -> tuple[date, Sequence[Price]]:
    """The list prices that come with Parley, and the day on which they were looked up."""
    read = yaml.safe_load((files("gateway.call") / "prices.yaml").read_text(encoding="utf-8"))
    prices = [Price.model_validate(entry) for entry in read["prices"]]
    return read["as_of"], prices
