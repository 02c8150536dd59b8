"""The events of this gateway's calls that the control plane has not committed yet.

A journal is the spool: what is kept here are its entries from the first uncommitted one on, and only of calls that are
live or have just ended. When the control plane is away for longer, the journals of ended calls wait on disk, and are
read again when it is back; the last acknowledgement of a call removes its journal.

A call is told of once its journal is on disk: after a crash before that this gateway knows nothing of the call, and
could tell nobody how it ended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gateway.call.disk import Disk
from gateway.call.journal import Entry, written
from gateway.call.journal_file import read_journal
from gateway.call.lines import DURABLE_SECONDS
from gateway.plane.v1 import plane_pb2 as pb

log = structlog.get_logger(__name__)

BATCH_EVENTS = 500
BATCH_BYTES = 4 << 20
"""A stream takes messages of 16 MiB."""
RESTORED_AT_ONCE = 16
"""Journals of calls that have ended, read again; live calls go before none of them, so they must not be many."""
_FIRST_KIND, _LAST_KIND = "call", "ended"


@dataclass(slots=True)
class _Unacknowledged:
    """`entries` are not committed yet; the first `sent` of them are on their way."""

    entries: deque[Entry] = field(default_factory=deque)
    sent: int = 0

    @property
    def ended(self) -> bool:
        return bool(self.entries) and self.entries[-1].kind == _LAST_KIND


class Spool:
    """Implements what a journal publishes to and what an attachment sends from. All on the event loop's thread.

    :param directory: where the journals are
    """

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._directory = directory
        self._disk = disk
        self._calls: dict[str, _Unacknowledged] = {}
        self._unsent: dict[str, None] = {}
        """Calls with entries to send, in the order in which they came."""
        self._unwritten: dict[str, asyncio.TimerHandle] = {}
        """Calls that are not told of before their journals are on disk, or the disk took too long."""
        self._restored: set[str] = set()
        """Calls that were brought back from disk and are not acknowledged yet."""
        self._room = asyncio.Event()
        self._attached = False
        self.acknowledged = 0
        """Events that were committed since the start."""
        self.wake = asyncio.Event()
        """There is something to send."""

    @property
    def waiting(self) -> int:
        """Events in memory that the control plane has not committed."""
        return sum(len(call.entries) for call in self._calls.values())

    @property
    def outstanding(self) -> bool:
        """Something was sent and is not acknowledged."""
        return any(call.sent for call in self._calls.values())

    def add(self, call_id: str, entry: Entry) -> None:
        """An entry was appended to the journal of a call."""
        call = self._calls.setdefault(call_id, _Unacknowledged())
        call.entries.append(entry)
        if entry.kind == _FIRST_KIND:
            self._hold_back(call_id)
        if entry.kind == _LAST_KIND and not self._attached:
            del self._calls[call_id]
            self._unsent.pop(call_id, None)
            return
        self._mark(call_id)

    def attach(self) -> None:
        """A new stream: everything that is not acknowledged goes out again."""
        self._attached = True
        for call_id, call in self._calls.items():
            call.sent = 0
            if call.entries:
                self._mark(call_id)

    def detach(self) -> None:
        """The stream is gone: of calls that have ended, the journals on disk are enough."""
        self._attached = False
        self._unsent.clear()
        self.wake.clear()
        for call_id in [call_id for call_id, call in self._calls.items() if call.ended]:
            del self._calls[call_id]

    def batch(self) -> pb.Events | None:
        """What is to be sent next; None when everything was."""
        events: list[pb.CallEvent] = []
        size = 0
        while self._unsent and len(events) < BATCH_EVENTS and size < BATCH_BYTES:
            call_id = next(iter(self._unsent))
            call = self._calls[call_id]
            if call.sent == len(call.entries):
                del self._unsent[call_id]
                continue
            event = _event(call_id, call.entries[call.sent])
            events.append(event)
            size += len(event.json)
            call.sent += 1
        return pb.Events(events=events) if events else None

    def acknowledge(self, positions: Mapping[str, int]) -> None:
        """The control plane has committed each call's events up to this sequence."""
        for call_id, sequence in positions.items():
            if (call := self._calls.get(call_id)) is None:
                continue
            ended = False
            while call.entries and call.entries[0].sequence <= sequence:
                ended = call.entries.popleft().kind == _LAST_KIND
                self.acknowledged += 1
                call.sent = max(0, call.sent - 1)
            if ended:
                del self._calls[call_id]
                self._restored.discard(call_id)
                self._room.set()
                self._unsent.pop(call_id, None)
                path = self._path(call_id)
                # The disk thread has made the record out of it before.
                self._disk.submit(lambda path=path: path.unlink(missing_ok=True))  # type: ignore[misc]

    async def restore(self) -> None:
        """Bring the journals of ended calls back from disk, a few calls at a time, the next as soon as one is
        acknowledged. Cancelled when the stream ends."""
        await self._disk.barrier()
        self._restored.clear()
        for path in await asyncio.to_thread(lambda: sorted(self._directory.glob("*.journal"))):
            call_id = path.stem
            if call_id in self._calls:
                continue
            entries = await asyncio.to_thread(_ended_journal, path)
            if not entries or call_id in self._calls:
                continue
            log.info("call told to the control plane late", call=call_id, events=len(entries))
            self._calls[call_id] = _Unacknowledged(deque(entries))
            self._restored.add(call_id)
            self._mark(call_id)
            while len(self._restored) >= RESTORED_AT_ONCE:
                self._room.clear()
                await self._room.wait()

    def _hold_back(self, call_id: str) -> None:
        loop = asyncio.get_running_loop()
        self._unwritten[call_id] = loop.call_later(DURABLE_SECONDS, self._tell, call_id)
        # The disk's thread writes the entry before it comes to this.
        self._disk.submit(lambda: loop.call_soon_threadsafe(self._tell, call_id))

    def _tell(self, call_id: str) -> None:
        if (limit := self._unwritten.pop(call_id, None)) is None:
            return
        limit.cancel()
        if call_id in self._calls:
            self._mark(call_id)

    def _mark(self, call_id: str) -> None:
        if self._attached and call_id not in self._unwritten:
            self._unsent[call_id] = None
            self.wake.set()

    def _path(self, call_id: str) -> Path:
        return self._directory / f"{call_id}.journal"


def _ended_journal(path: Path) -> list[Entry]:
    """All entries of a call that has ended; empty of one that goes on, or whose journal is gone."""
    try:
        entries = list(read_journal(path))
    except OSError:
        return []
    return entries if entries and entries[-1].kind == _LAST_KIND else []


def _event(call_id: str, entry: Entry) -> pb.CallEvent:
    return pb.CallEvent(
        call_id=call_id,
        sequence=entry.sequence,
        at_ms=entry.at_ms,
        time_ms=entry.time_ms,
        kind=entry.kind,
        json=written(entry.data),
    )
