"""The file of a journal, as a crash or a bad disk may have left it.

A last line without a line break is one that a crash cut short. Any other line whose checksum is wrong is damaged: it is
told and left out, and what comes after it is read all the same. Lines of versions that wrote no checksum are taken.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import structlog

from gateway.call.journal import FIELDS, Entry, goes_on
from gateway.observe import metrics

log = structlog.get_logger(__name__)

_CHECKSUM = re.compile(rb', "crc": "([0-9a-f]{8})"}$')


def read_journal(path: Path) -> Iterator[Entry]:
    """The entries of a file, their sequences growing; what is missing between them is logged.

    :raises OSError: when it cannot be read
    """
    last = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                log.info("journal ends in the middle of a line", path=str(path), line=number)
                return
            entry = _read(line[:-1], number)
            if entry is None or entry.sequence <= last:
                metrics.JOURNAL_LINES_DAMAGED.inc()
                log.error("journal line left out", path=str(path), line=number, damaged=entry is None)
                continue
            if not goes_on(entry.sequence, entry.data, last):
                log.error("journal has a gap", path=str(path), after=last, before=entry.sequence)
            last = entry.sequence
            yield entry


def close_journal(path: Path, ending: Entry) -> None:
    """Append an entry for good; a last line that was cut short gives way to it.

    :raises OSError: when the disk does not take it
    """
    with path.open("r+b", buffering=0) as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
        line = ending.line()
        if file.write(line) != len(line):
            raise OSError(f"{path} was not written whole")
        os.fsync(file.fileno())


def _read(line: bytes, number: int) -> Entry | None:
    """None of one that is damaged."""
    checksum = _CHECKSUM.search(line)
    if checksum and int(checksum[1], 16) != zlib.crc32(line[: checksum.start()]):
        return None
    try:
        read = json.loads(line)
        if not checksum and not read.keys() <= set(FIELDS):
            return None  # what was its checksum is damaged itself
        return Entry(
            int(read["at_ms"]),
            str(read["kind"]),
            dict(read["data"]),
            int(read.get("sequence", number)),
            int(read.get("time_ms", 0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
