"""What happened in a call, line by line, on disk before its effect is seen.

The file has one JSON object per line: its `sequence`, 1 for the first, `at_ms` of the call clock, `time_ms` of the wall
clock (ms since 1970), `kind`, `data`, and `crc`, the CRC-32 of the line up to the comma before it, in hexadecimal. A
line is what the control plane gets as an event, too. The worker's entries carry the conversation; the gateway's own
kinds are:

call       who calls whom, with which assistant, since when (first line)
dialog     what another gateway needs to end the SIP dialog of a leg: `gateway.call.dialog`
worker     which worker has the conversation
answered   when
pause      the fast VAD paused playout
verdict    what became of it
latency    a turn's parts, playout included
failure    why the conversation could not go on
statistics RTP figures of the whole call, with what is estimated from them
ended      reason, SIP status (last line)
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.call.disk import Disk
from gateway.call.lines import Lines

FIELDS = ("sequence", "at_ms", "time_ms", "kind", "data")


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact of a call."""

    at_ms: int
    kind: str
    data: Mapping[str, Any]
    sequence: int = 0
    time_ms: int = 0

    def line(self) -> bytes:
        """As it stands in the file: UTF-8, with its line break."""
        content = written({name: getattr(self, name) for name in FIELDS}).encode()[:-1]
        return content + b', "crc": "%08x"}\n' % zlib.crc32(content)


def written(data: Mapping[str, Any]) -> str:
    """As JSON. Half a surrogate pair, which a model may send and no file can hold, becomes a question mark."""
    return json.dumps(data, ensure_ascii=False).encode(errors="replace").decode()


def goes_on(sequence: int, data: Mapping[str, Any], last: int) -> bool:
    """Whether nothing is missing between the entry `last` of a call and this one. The end that is added to a journal
    whose gateway died leaves sequences out, and says after which entry it comes."""
    told = data.get("follows")
    return sequence == last + 1 or (isinstance(told, int) and told <= last)


def wall_clock_ms() -> int:
    """Now, ms since 1970."""
    return time.time_ns() // 1_000_000


class Journal:
    """The journal of a running call. `append` returns at once; `durable` waits until the disk has it.

    :param publish: told each entry as it is appended
    """

    def __init__(
        self,
        path: Path,
        disk: Disk,
        *,
        publish: Callable[[Entry], None] | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self._lines = Lines(path, disk)
        self._publish = publish
        self._now_ms = now_ms

    def append(self, at_ms: int, kind: str, data: Mapping[str, Any]) -> None:
        """Add a fact."""
        entry = Entry(at_ms, kind, data, len(self.entries) + 1, self._now_ms())
        self.entries.append(entry)
        self._lines.append(entry.line())
        if self._publish is not None:
            self._publish(entry)

    async def durable(self) -> bool:
        """Wait until what was appended is on the disk: `gateway.call.lines.Lines.durable`."""
        return await self._lines.durable()

    def flush(self) -> None:
        """On the disk thread: write what waits. :raises OSError: the disk does not take it"""
        self._lines.flush()
