"""What calls will cost in a month, by prices and by what callers and agents usually say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from gateway.call.prices import COMPONENTS, Component, Price, PriceBook, Unit, is_embedded
from gateway.providers.usage import Stage

_MILLION = Decimal(1_000_000)


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
        tokens: Mapping[Unit, int] = {
            "1M prompt tokens": self.prompt_tokens - self.cached_prompt_tokens,
            "1M cached prompt tokens": self.cached_prompt_tokens,
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
    """What is paid: a provider of a stage, the line, or the platform."""

    component: Component
    provider: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """USD in a month, from `low` to `high`; None where a price is not known."""

    service: Service
    low: Decimal | None
    high: Decimal | None


def estimate(services: Iterable[Service], minutes: int, habits: Habits, prices: PriceBook) -> list[Line]:
    """A line for each service.

    A price by the month or by the minute counts where there is one, both together; else those of tokens or characters.
    """
    return [_line(service, Decimal(minutes), habits, prices) for service in services]


def total(lines: Iterable[Line]) -> tuple[Decimal, Decimal]:
    """Low and high of all lines whose price is known."""
    known = [(line.low, line.high) for line in lines if line.low is not None and line.high is not None]
    return sum((low for low, _ in known), Decimal(0)), sum((high for _, high in known), Decimal(0))


def _line(service: Service, minutes: Decimal, habits: Habits, prices: PriceBook) -> Line:
    stage = _STAGES.get(service.component)
    if stage is not None and is_embedded(stage, service.provider):
        return Line(service, Decimal(0), Decimal(0))

    def entry(unit: Unit) -> Price | None:
        return prices.entry(service.component, service.provider, service.model, unit)

    by_time: Mapping[Unit, Decimal] = {"month": Decimal(1), "minute": minutes}
    found = [(one, amount) for unit, amount in by_time.items() if (one := entry(unit))]
    if not found:
        used = habits.units(minutes)
        needed = [(entry(unit), used[unit]) for unit in _BY_USE.get(service.component, ())]
        found = [(one, amount) for one, amount in needed if one is not None]
        if not found or len(found) < len(needed):
            return Line(service, None, None)
    low = sum((one.price * amount for one, amount in found), Decimal(0))
    high = sum(((one.price if one.high is None else one.high) * amount for one, amount in found), Decimal(0))
    return Line(service, low, high)
