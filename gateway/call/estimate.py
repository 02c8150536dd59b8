"""What calls will cost in a month, by prices and by what callers and agents usually say."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from importlib.resources import files
from typing import Any, Literal

import yaml

from gateway.call.prices import COMPONENTS, Component, Price, PriceBook, Unit, is_embedded
from gateway.providers.usage import Stage

_MILLION = Decimal(1_000_000)
_STEP = Decimal("0.000001")
_NOTHING = Decimal(0)
PresetName = Literal["low", "high"]


@dataclass(frozen=True, slots=True)
class Habits:
    """What a minute of conversation uses. By default the agent answers five times, in 30 tokens each; a request has
    1000 tokens of instruction and conversation, half of which the provider has in its cache."""

    prompt_tokens: int = 5000
    cached_prompt_tokens: int = 2500
    completion_tokens: int = 150
    characters: int = 600

    def units(self, minutes: Decimal) -> Mapping[Unit, Decimal]:
        """How much of each unit `minutes` are."""
        cached = min(self.cached_prompt_tokens, self.prompt_tokens)
        tokens: Mapping[Unit, int] = {
            "1M prompt tokens": self.prompt_tokens - cached,
            "1M cached prompt tokens": cached,
            "1M completion tokens": self.completion_tokens,
        }
        spoken: Mapping[Unit, Decimal] = {"1k characters": minutes * self.characters / 1000}
        return {**{unit: minutes * count / _MILLION for unit, count in tokens.items()}, **spoken}


_BY_USE: Mapping[Component, tuple[Unit, ...]] = {
    "llm": ("1M prompt tokens", "1M cached prompt tokens", "1M completion tokens"),
    "tts": ("1k characters",),
}
_STAGES: Mapping[Component, Stage] = {component: stage for stage, component in COMPONENTS.items()}


@dataclass(frozen=True, slots=True)
class Service:
    """What is paid: a provider of a stage, the line, or the platform. It has `share` of the minutes."""

    component: Component
    provider: str
    model: str = ""
    share: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Line:
    """USD in a month, to a millionth, from `low` to `high`; None where a price is not known."""

    service: Service
    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class Preset:
    """A reference case: minutes in a month, what is paid, and its prices."""

    minutes: int
    services: Sequence[Service]
    prices: Sequence[Price]


@functools.cache
def preset(name: PresetName) -> Preset:
    """One of `presets.yaml`."""
    read = yaml.safe_load((files("gateway.call") / "presets.yaml").read_text(encoding="utf-8"))[name]
    prices = [Price.model_validate(entry) for entry in read["prices"]]
    return Preset(read["minutes"], [Service(**one) for one in read["mix"]], prices)


def estimate(services: Iterable[Service], minutes: int, habits: Habits, prices: PriceBook) -> list[Line]:
    """A line for each service.

    A price by the month or by the minute counts where there is one, both together; else those of tokens or characters.
    """
    return [_line(service, Decimal(minutes), habits, prices) for service in services]


def total(lines: Iterable[Line]) -> tuple[Decimal, Decimal]:
    """Low and high of all lines whose price is known."""
    known = [(line.low, line.high) for line in lines if line.low is not None and line.high is not None]
    return sum((low for low, _ in known), _NOTHING), sum((high for _, high in known), _NOTHING)


def _line(service: Service, minutes: Decimal, habits: Habits, prices: PriceBook) -> Line:
    stage = _STAGES.get(service.component)
    if stage is not None and is_embedded(stage, service.provider):
        return Line(service, _NOTHING, _NOTHING)

    def entry(unit: Unit) -> Price | None:
        return prices.entry(service.component, service.provider, service.model, unit)

    own = minutes * service.share
    by_time: Mapping[Unit, Decimal] = {"month": Decimal(1), "minute": own}
    found = [(one, amount) for unit, amount in by_time.items() if (one := entry(unit))]
    if not found:
        used = habits.units(own)
        needed = [(entry(unit), used[unit]) for unit in _BY_USE.get(service.component, ())]
        found = [(one, amount) for one, amount in needed if one is not None]
        if not found or len(found) < len(needed):
            return Line(service, None, None)
    fixed = sum({id(one): one.fixed_monthly for one, _ in found}.values(), _NOTHING)
    low = fixed + sum((one.average(_NOTHING, minutes) * amount for one, amount in found), _NOTHING)
    high = fixed + sum((_high(one, minutes) * amount for one, amount in found), _NOTHING)
    return Line(service, _rounded(low), _rounded(high))


def _high(price: Price, minutes: Decimal) -> Decimal:
    return price.average(_NOTHING, minutes) if price.high is None else price.high


def shown(lines: Sequence[Line], minutes: int) -> dict[str, Any]:
    """The estimate as JSON: each line, the sum, and the sum without the platform, in a month and in a minute."""
    without = [line for line in lines if line.service.component != "platform"]
    items = [_shown(line, minutes) for line in lines]
    return {
        "minutes": minutes,
        "lines": items,
        **_range(*total(lines), minutes),
        "withoutPlatform": _range(*total(without), minutes),
    }


def _shown(line: Line, minutes: int) -> dict[str, Any]:
    service = line.service
    named = {"component": service.component, "provider": service.provider, "model": service.model or None}
    share = {"share": float(service.share)} if service.share != 1 else {}
    priced = line.low is not None and line.high is not None
    note = {} if priced else {"note": "No price is known: add it to the price book."}
    return {**named, **share, **_range(line.low, line.high, minutes), **note}


def _range(low: Decimal | None, high: Decimal | None, minutes: int) -> dict[str, Any]:
    return {"total": _pair(low, high, 1), "perMinute": _pair(low, high, minutes)}


def _pair(low: Decimal | None, high: Decimal | None, minutes: int) -> dict[str, float | None]:
    return {
        name: None if amount is None else float(_rounded(amount / minutes))
        for name, amount in (("low", low), ("high", high))
    }


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_STEP, ROUND_HALF_UP)
