"""One fact of a call, as its journal has it and as the control plane gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CallEvent:
    """`sequence` is 1 for the call's first event, `at_ms` the call clock, `time_ms` the wall clock since 1970."""

    call_id: str
    sequence: int
    at_ms: int
    time_ms: int
    kind: str
    data: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A field that is text; empty where it is not."""
        value = self.data.get(name)
        return value if isinstance(value, str) else ""

    def whole(self, name: str, default: int) -> int:
        """A field that is a whole number, `default` where it is not."""
        value = self.data.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def part(self, name: str) -> Mapping[str, Any]:
        """A field that is an object, empty where it is not."""
        return part(self.data, name)


def part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A field that is an object, empty where it is not."""
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def listed(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a field that is a list, none where it is not."""
    value = body.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
