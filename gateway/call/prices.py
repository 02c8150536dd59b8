"""What providers charge: the list prices that come with Parley, and the user's own before them.

An entry is one price of one unit (`prices.yaml` beside this file, or `prices` in the settings):

    {component: llm, provider: openai, model: gpt-4.1, unit: 1M prompt tokens, price: 2.00}

`provider` and `model` are as in the assistant; `model` is a shell pattern. The first entry that fits is taken.

A price may fall with the minutes that were called in the month (`tiers`), and have a part that is paid by the month
however much is called (`fixed_monthly`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Annotated, Literal, Self

import yaml
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

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


Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000_000, allow_inf_nan=False)]


class Entry(BaseModel):
    """camelCase or snake_case outside; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Tier(Entry):
    """What a unit costs from this minute of the month's calls on, until the next tier."""

    from_minutes: Dollars
    price: Dollars


class Price(Entry):
    """A price of one unit, USD, which `low` may be called too. `high` makes it a range, for estimates; a call is billed
    by `price`, and nothing by the month."""

    component: Component
    provider: str = "*"
    model: str = "*"
    unit: Unit
    price: Dollars = Field(default=Decimal(0), validation_alias=AliasChoices("price", "low"))
    high: Dollars | None = None
    tiers: tuple[Tier, ...] = ()
    fixed_monthly: Dollars = Decimal(0)
    note: str = ""

    @field_validator("tiers")
    @classmethod
    def _rising(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        starts = [tier.from_minutes for tier in tiers]
        if starts != sorted(set(starts)):
            raise ValueError("must be in the order of their fromMinutes, each another")
        return tiers

    @model_validator(mode="after")
    def _is_a_price(self) -> Self:
        if not self.model_fields_set & {"price", "tiers", "fixed_monthly"}:
            raise ValueError("must have a price (or low), tiers or fixedMonthly")
        if self.tiers and self.high is not None:
            raise ValueError("must have tiers or high, not both")
        if self.high is not None and self.high < self.price:
            raise ValueError("must have a high that is not below its price")
        return self

    def fits(self, component: Component, provider: str, model: str, unit: Unit) -> bool:
        """Whether this is the price of such a unit."""
        same = (self.component, self.unit) == (component, unit)
        return same and fnmatchcase(provider, self.provider) and fnmatchcase(model, self.model)

    def average(self, before: Decimal, minutes: Decimal) -> Decimal:
        """The price of a unit that is used evenly over `minutes` of calls, when the month has had `before` already."""
        if not self.tiers:
            return self.price
        if minutes <= 0:
            return self._at(before)
        borders = [tier.from_minutes for tier in self.tiers if before < tier.from_minutes < before + minutes]
        starts, ends = [before, *borders], [*borders, before + minutes]
        paid = sum(((end - start) * self._at(start) for start, end in zip(starts, ends, strict=True)), Decimal(0))
        return paid / minutes

    def _at(self, minute: Decimal) -> Decimal:
        reached = [tier.price for tier in self.tiers if tier.from_minutes <= minute]
        return reached[-1] if reached else self.price


class PriceBook:
    """The prices that hold here.

    :param own: the user's, looked at first
    :param minutes_before: of calls in this month until now, which decide about tiers
    """

    def __init__(self, own: Iterable[Price] = (), *, minutes_before: Decimal = Decimal(0)) -> None:
        self._prices = (*own, *list_prices()[1])
        self._before = minutes_before

    def entry(self, component: Component, provider: str, model: str, unit: Unit) -> Price | None:
        """The entry for a unit; None when there is none. Without a discount, what is cached costs what others do."""
        found = next((one for one in self._prices if one.fits(component, provider, model, unit)), None)
        instead = _INSTEAD.get(unit)
        return self.entry(component, provider, model, instead) if found is None and instead else found

    def price(
        self, component: Component, provider: str, model: str, unit: Unit, minutes: Decimal = Decimal(0)
    ) -> Decimal | None:
        """The price of a unit in a call of `minutes`, USD; None when it is not known."""
        found = self.entry(component, provider, model, unit)
        return found.average(self._before, minutes) if found else None

    def cost(self, usage: Usage, minutes: Decimal = Decimal(0)) -> Decimal | None:
        """What a usage in a call of `minutes` costs, USD, unrounded; None when a price that it needs is not known.

        What runs in this process costs nothing. Of a voice's characters and seconds those count that have a price.
        """
        if is_embedded(usage.stage, usage.provider):
            return Decimal(0)
        amounts = amounts_of(usage)
        component = COMPONENTS[usage.stage]
        priced = {unit: self.price(component, usage.provider, usage.model, unit, minutes) for unit in amounts}
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
