"""What happened in a call, line by line, on disk before its effect is seen.

The file has one JSON object per line: `at_ms` of the call clock, `kind`, and `data`. The worker's entries carry the
conversation; the gateway's own kinds are:

call       who calls whom, with which assistant, since when (first line)
worker     which worker has the conversation
answered   when
pause      the fast VAD paused playout
verdict    what became of it
latency    a turn's parts, playout included
failure    why the conversation could not go on
ended      reason, SIP status, RTP figures (last line)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from gateway.call.disk import Disk
from gateway.call.lines import Lines

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact of a call."""

    at_ms: int
    kind: str
    data: Mapping[str, Any]

    def line(self) -> str:
        """As it stands in the file."""
        return json.dumps({"at_ms": self.at_ms, "kind": self.kind, "data": self.data}, ensure_ascii=False) + "\n"


class Journal:
    """The journal of a running call. `append` returns at once; `durable` waits until the disk has it."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self._lines = Lines(path, disk)

    def append(self, at_ms: int, kind: str, data: Mapping[str, Any]) -> None:
        """Add a fact."""
        entry = Entry(at_ms, kind, data)
        self.entries.append(entry)
        self._lines.append(entry.line())

    async def durable(self) -> None:
        """Wait until what was appended is in the file, where a crash of this process cannot lose it."""
        await self._lines.durable()


def read_journal(path: Path) -> Iterator[Entry]:
    """The entries of a file; a last line that a crash cut short is left out.

    :raises OSError: when it cannot be read
    """
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                read = json.loads(line)
                yield Entry(int(read["at_ms"]), str(read["kind"]), dict(read["data"]))
            except (ValueError, KeyError, TypeError):
                log.warning("journal line left out", path=str(path))
