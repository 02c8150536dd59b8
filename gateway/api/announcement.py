"""What the api process prints once it serves, and how `parley serve` reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEY = "parley key: "
_KEY_REMARK = " (private, shown this once; `parley key create` makes others)"
_READY = re.compile(r"parley api ready: (\S+), gateways attach at (\S+)\s*$")


@dataclass(frozen=True, slots=True)
class Announcement:
    """`url` is where the REST API answers, `link` where gateways attach; `key` is told at the first start only."""

    url: str
    link: str
    key: str | None = None

    @property
    def key_line(self) -> str | None:
        """What is printed of the key."""
        return f"{_KEY}{self.key}{_KEY_REMARK}" if self.key else None

    @property
    def ready_line(self) -> str:
        """The link comes last, where `gateway.link.processes` looks for an address."""
        return f"parley api ready: {self.url}, gateways attach at {self.link}"


class AnnouncementReader:
    """Takes the lines of an api process."""

    def __init__(self) -> None:
        self._key: str | None = None
        self.announced: Announcement | None = None

    def __call__(self, line: str) -> None:
        """One line of its standard output."""
        if line.startswith(_KEY):
            self._key = line.removeprefix(_KEY).split(" ")[0]
        elif match := _READY.match(line):
            self.announced = Announcement(match[1], match[2], self._key)
