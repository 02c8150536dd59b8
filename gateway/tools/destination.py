"""The destinations among which a model chooses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_KEYS = ("assistantName", "assistantId", "squadId", "number", "sipUri", "entryAssistantName")


@dataclass(frozen=True, slots=True)
class Choice:
    """A destination, and what the model calls it."""

    name: str
    description: str
    destination: Mapping[str, Any]

    def fits(self, wanted: str) -> bool:
        """The model means this one: it may have written the name otherwise."""
        return _plain(wanted) == _plain(self.name)


def choices(destinations: Sequence[Mapping[str, Any]]) -> list[Choice]:
    """The destinations with names: of two with the same name only the first can be chosen."""
    found: dict[str, Choice] = {}
    for destination in destinations:
        name = _name(destination)
        found.setdefault(name, Choice(name, str(destination.get("description") or ""), destination))
    return list(found.values())


def listed(known: Sequence[Choice], title: str) -> str:
    """The choices as the model reads them."""
    lines = [f"{choice.name}: {choice.description}" if choice.description else choice.name for choice in known]
    return f"{title}: {'; '.join(lines)}."


def _name(destination: Mapping[str, Any]) -> str:
    if destination.get("type") == "dynamic":
        return "dynamic"
    own = destination.get("assistant") or destination.get("squad")
    inner = str(own.get("name") or "") if isinstance(own, Mapping) else ""
    return next((str(destination[key]) for key in _KEYS if destination.get(key)), inner or str(destination["type"]))


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9+@.]", "", text.lower())
