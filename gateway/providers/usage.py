"""What a call used of its providers, in the units that they bill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

Stage = Literal["transcriber", "model", "voice"]


@dataclass(frozen=True, slots=True)
class Usage:
    """An amount that a provider bills. Only the amounts of its stage are filled.

    `provider` and `model` are as in the assistant. `seconds` of audio are a transcriber's, `characters` a voice's; a
    voice that bills time fills `seconds` too. `prompt_tokens` hold the cached ones, `completion_tokens` the reasoning.
    `member` is the assistant of a squad that used it.
    Tokens of audio have a price of their own: `…_audio_tokens` say how many of those above them are such.
    """

    stage: Stage
    provider: str
    model: str = ""
    seconds: float = 0.0
    characters: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_audio_tokens: int = 0
    cached_prompt_audio_tokens: int = 0
    completion_audio_tokens: int = 0
    member: str = ""

    def __add__(self, other: Usage) -> Usage:
        """Both amounts, of the same provider."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in AMOUNTS}
        return replace(self, **sums)


AMOUNTS = tuple(field.name for field in fields(Usage) if field.type in ("int", "float"))
"""The fields that are amounts."""


Meter = Callable[[Usage], None]
"""Is told each amount once, also those of requests that failed or were cancelled after the provider did the work."""


def unmetered(usage: Usage) -> None:
    """Nobody pays: outside of calls."""


class UsageBook:
    """What one call used so far, one sum for each provider and model of each member. `add` is a meter.

    :param rows: what another worker wrote of the same call, as `rows` gave it
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self.on_news: Callable[[], None] | None = None
        """Is called after each amount; nobody by default."""
        self._sums: dict[tuple[Stage, str, str, str], Usage] = {}
        for row in rows:
            self.add(read_usage(row))
        self._shown = self.rows()

    def add(self, usage: Usage) -> None:
        """Count an amount."""
        key = (usage.stage, usage.provider, usage.model, usage.member)
        known = self._sums.get(key)
        self._sums[key] = known + usage if known else usage
        if self.on_news is not None:
            self.on_news()

    def meter(self, member: str) -> Meter:
        """A meter that counts for a member of a squad."""
        return lambda usage: self.add(replace(usage, member=member))

    @property
    def sums(self) -> list[Usage]:
        """In the order in which the providers were first used."""
        return list(self._sums.values())

    def rows(self) -> list[dict[str, Any]]:
        """The sums as JSON objects, without what is zero or empty."""
        return [{name: value for name, value in asdict(usage).items() if value} for usage in self.sums]

    def news(self) -> list[dict[str, Any]] | None:
        """All rows, when something was added since this was last asked; else None."""
        rows = self.rows()
        if rows == self._shown:
            return None
        self._shown = rows
        return rows


def read_usage(row: Mapping[str, Any]) -> Usage:
    """The usage that a row tells; what a newer version adds is left out.

    :raises TypeError: it has no stage or provider
    """
    known = {field.name for field in fields(Usage)}
    return Usage(**{name: value for name, value in row.items() if name in known})
