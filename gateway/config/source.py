"""What was configured, and where: plain data whose every key remembers the line or variable that it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]
"""Where a value is: keys of mappings and indexes of lists, from the root."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the settings.

    `key` is written with dots and empty for the document as a whole.
    """

    place: str
    key: str
    message: str
    line: int = 0

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.place, self.key, self.message) if part)
        # One line, whatever a key or a value holds.
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


@dataclass(slots=True)
class Source:
    """The configured data, and the place of each value by its path.

    A place is `(text, line)`: `("parley.yaml:12", 12)`, or `("PARLEY_SIP__PORT", 0)` for a variable.
    """

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, tuple[str, int]] = field(default_factory=dict)

    def problem(self, path: Path, message: str) -> Problem:
        """A problem with the value at `path`, placed at it or at the nearest part of the file that holds it."""
        for length in range(len(path), -1, -1):
            if place := self.places.get(path[:length]):
                return Problem(place[0], dotted(path), message, place[1])
        return Problem(self.name, dotted(path), message)


def dotted(path: Path) -> str:
    """`("trunks", 0, "name")` as `trunks[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
