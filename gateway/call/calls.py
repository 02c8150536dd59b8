"""The records of calls in the data directory."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import structlog

from gateway.call import endings
from gateway.call.disk import Disk
from gateway.call.journal import Entry, Journal
from gateway.call.journal_file import close_journal, read_journal
from gateway.call.prices import PriceBook
from gateway.call.record import CallRecord, build_record
from gateway.errors import ParleyError
from gateway.media.recorder import Recorder
from gateway.recording.capture import CaptureFile, PlainFile
from gateway.recording.sealed import SUFFIX, SealedFile

log = structlog.get_logger(__name__)

LOST_ENTRIES = 1_000_000
"""More than a gateway that is killed can have sent to the control plane and not written yet: the end that is added to
its journal must not have the sequence of one of these."""

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class Calls:
    """Reads and writes `calls/` of a data directory.

    :param prices: what the providers charge; None for the list prices
    :param ended: told of each call whose files are complete, once its record is written
    :param key: of 32 bytes, seals recordings; None for plain WAV files
    :param keep_journals: the journal of a call that has ended stays beside its record, until somebody removes it
    """

    def __init__(
        self,
        data_dir: Path,
        prices: PriceBook | None = None,
        *,
        keep_journals: bool = False,
        ended: Callable[[CallRecord], None] = lambda record: None,
        key: bytes | None = None,
    ) -> None:
        self.directory = data_dir / "calls"
        self._prices = prices or PriceBook()
        self._keep_journals = keep_journals
        self._ended = ended
        self._key = key

    def prepare(self) -> None:
        """Make the directory. :raises ParleyError: when that is not possible."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ParleyError(f"Cannot make {self.directory}: {error.strerror}; choose another data_dir.") from error

    def journal_path(self, call_id: str) -> Path:
        """Of a running call."""
        return self.directory / f"{call_id}.journal"

    def count_journals(self) -> int:
        """Of running calls, and of those that wait for a control plane."""
        return sum(path.suffix == ".journal" for path in self.directory.iterdir())

    def recording_path(self, call_id: str) -> Path:
        """Stereo WAV: left the caller, right the agent."""
        return self.directory / f"{call_id}.wav"

    def sealed_path(self, call_id: str) -> Path:
        """The same, for those who have the key: `gateway.recording.sealed`."""
        return self.directory / f"{call_id}.wav{SUFFIX}"

    def recorder(self, call_id: str, disk: Disk) -> Recorder:
        """What records a call, into a plain or a sealed file."""
        if self._key is None:
            return Recorder(self.recording_path(call_id), disk.submit, room=lambda: disk.room)
        return Recorder(SealedFile(self.sealed_path(call_id), self._key), disk.submit, room=lambda: disk.room)

    def capture_paths(self, call_id: str) -> tuple[Path, Path]:
        """What the call sent and received (`gateway.recording.pcapng`): plain, and for those who have the key."""
        plain = self.directory / f"{call_id}.pcapng"
        return plain, plain.with_name(plain.name + SUFFIX)

    def capture_file(self, call_id: str) -> CaptureFile:
        """Where it is written."""
        plain, sealed = self.capture_paths(call_id)
        return PlainFile(plain) if self._key is None else SealedFile(sealed, self._key)

    def events_path(self, call_id: str) -> Path:
        """What happened in the conversation, for replay."""
        return self.directory / f"{call_id}.events.jsonl"

    def write(self, record: CallRecord) -> Path:
        """Write a record; a reader sees all of it or nothing."""
        path = self.directory / f"{record.id}.json"
        unfinished = path.with_suffix(".json.part")
        unfinished.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, path)
        return path

    def finish(self, journal: Journal) -> CallRecord | None:
        """Turn the journal of a call that has ended into its record; may be done again.

        :raises OSError: the disk does not take it
        """
        journal.flush()
        record = build_record(journal.entries, self._prices)
        if record is not None:
            self.write(record)
            if not self._keep_journals:
                journal.path.unlink(missing_ok=True)
            self._ended(record)
        return record

    def get(self, call_id: str) -> CallRecord:
        """The record of a call; of one that is going on, what is known so far.

        :raises ParleyError: when there is none
        """
        if not _ID.fullmatch(call_id):
            raise ParleyError(f"{call_id!r} is no call id; `parley calls` lists them.")
        path = self.directory / f"{call_id}.json"
        try:
            return CallRecord.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return self._running(call_id)
        except ValueError as error:
            raise ParleyError(f"{path} is damaged; delete it.") from error

    def whole_id(self, beginning: str) -> str:
        """The id of the one call that begins like this; `beginning` itself where there is none.

        :raises ParleyError: several calls begin like this
        """
        paths = [path for path in self.directory.glob("*") if path.suffix in (".json", ".journal")]
        ids = sorted({path.stem for path in paths if path.stem.startswith(beginning)})
        if beginning in ids or not ids:
            return beginning
        if len(ids) > 1:
            raise ParleyError(f"{len(ids)} calls begin with {beginning}: {', '.join(ids[:5])}; name one in full.")
        return ids[0]

    def newest(self, limit: int = 50) -> Iterator[CallRecord]:
        """Finished calls, newest first; damaged files are left out."""
        # By the time of writing, because opening thousands of records to sort them would take seconds.
        paths = sorted(self.directory.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in paths[:limit]:
            try:
                yield CallRecord.model_validate_json(path.read_bytes())
            except (OSError, ValueError) as error:
                log.warning("record left out", path=str(path), error=str(error))

    def adopt_orphans(self) -> list[CallRecord]:
        """Turn the journals that a gateway left behind when it died into records."""
        adopted = []
        for path in sorted(self.directory.glob("*.journal")):
            try:
                record = self._adopt(path)
            except OSError as error:  # the others can be adopted all the same
                log.error("journal of an earlier gateway left as it is", path=str(path), error=str(error))
                continue
            if record is not None:
                adopted.append(record)
        return adopted

    def _adopt(self, path: Path) -> CallRecord | None:
        """The record of a call whose gateway died, when it had none yet. :raises OSError: the disk does not do it"""
        if path.with_suffix(".json").exists():
            # Nor is it read: thousands may wait for a control plane that is away.
            if not self._keep_journals:
                path.unlink()
            return None
        entries = list(read_journal(path))
        if not entries:
            _put_aside(path)
            return None
        record = build_record(entries, self._prices)
        if self._keep_journals and entries[-1].kind != "ended":
            close_journal(path, _ending(entries[-1]))
        if record is None:
            # Its first line is damaged. The control plane may know the call; nobody else can do anything with it.
            if not self._keep_journals:
                _put_aside(path)
            return None
        self._complete(record)
        self.write(record)
        self._ended(record)
        if not self._keep_journals:
            path.unlink()
        return record

    def _complete(self, record: CallRecord) -> None:
        """The last line of the journal would have told which files there are."""
        paths = (self.recording_path(record.id), self.sealed_path(record.id))
        record.recording = record.recording or next((path.name for path in paths if path.exists()), None)
        captures = self.capture_paths(record.id)
        record.capture = next((path.name for path in captures if path.exists()), None)
        events = self.events_path(record.id)
        record.events = record.events or (events.name if events.exists() else None)

    def _running(self, call_id: str) -> CallRecord:
        try:
            record = build_record(read_journal(self.journal_path(call_id)), self._prices)
        except FileNotFoundError:
            record = None
        if record is None:
            raise ParleyError(f"There is no call {call_id}; `parley calls` lists them.")
        if record.end_reason == endings.GATEWAY_DIED:
            record.end_reason = ""
        return record


def _put_aside(path: Path) -> None:
    """A journal of which no record can be made: whoever looks for the call may find something in it."""
    if b"\n" in path.read_bytes():
        log.error("journal cannot be read", kept=f"{path.name}.damaged")
        path.rename(path.with_name(f"{path.name}.damaged"))
    else:
        path.unlink()  # a crash cut its first line short: nothing was done or told yet


def _ending(last: Entry) -> Entry:
    """Says in a journal that its gateway died."""
    at = datetime.fromtimestamp(last.time_ms / 1000, UTC).isoformat()
    ending = {"at": at, "reason": endings.GATEWAY_DIED, "follows": last.sequence}
    return Entry(last.at_ms, "ended", ending, last.sequence + LOST_ENTRIES, last.time_ms)
