"""Where recording and capture of a call are: on this machine, in the storage of uploads, or nowhere any more."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, cast

from gateway.api.recording import Recording, read_recording
from gateway.api.stored_captures import StoredCapture, read_capture
from gateway.call.calls import Calls
from gateway.errors import Gone, NotFound, StorageAway, Unavailable
from gateway.recording.key import recording_key
from gateway.recording.sealed import SUFFIX, SealedContent, SealedSound
from gateway.recording.settings import UploadSettings
from gateway.recording.storage import Storage
from gateway.settings import Settings
from gateway.store.calls import CallRow

Opened = Callable[[], BinaryIO]


class StoredRecordings:
    """Everything here waits for a disk or the network: call it in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._files = Calls(settings.data_dir)

    def found(self, row: CallRow) -> Recording:
        """The recording of a call.

        :raises Gone: it was deleted when it was old
        :raises NotFound: there is none
        :raises Unavailable: the storage does not answer
        :raises RecordingError: it cannot be read, or not with this key
        """
        paths = (self._files.recording_path(row.id), self._files.sealed_path(row.id))
        for name, opened in self._places(paths, SealedSound):
            try:
                recording = read_recording(opened, name)
            except StorageAway as error:
                raise Unavailable(str(error)) from error
            if recording is not None:
                return recording
        self._refuse_old(row)
        raise NotFound(f"There is no recording of call {row.id!r} on this machine.")

    def capture(self, row: CallRow) -> StoredCapture:
        """What a call sent and received; raises as `found`."""
        for _, opened in self._places(self._files.capture_paths(row.id), SealedContent):
            try:
                capture = read_capture(opened)
            except StorageAway as error:
                raise Unavailable(str(error)) from error
            if capture is not None:
                return capture
        self._refuse_old(row)
        raise NotFound(f"There is no capture of call {row.id!r} on this machine.")

    def _refuse_old(self, row: CallRow) -> None:
        days = self._settings.recording.keep_days
        if days is not None and row.ended_at is not None and _age(row.ended_at) > timedelta(days=days):
            raise Gone(f"What was kept of call {row.id!r} was deleted after {days:g} days (recording.keep_days).")

    def address(self, row: CallRow) -> str | None:
        """A URL of the storage's own for the whole recording; None where it is here, sealed, or the storage has no
        URLs. :raises Unavailable: the storage does not answer"""
        upload, files = self._settings.recording.upload, self._files
        path = files.recording_path(row.id)
        if upload is None or path.exists() or files.sealed_path(row.id).exists():
            return None
        try:
            _storage(upload).open(path.name).close()
        except FileNotFoundError:
            return None
        except StorageAway as error:
            raise Unavailable(str(error)) from error
        return _storage(upload).address(path.name)

    def _places(self, paths: Sequence[Path], sealed: type[SealedContent]) -> Iterator[tuple[str, Opened]]:
        for path in paths:
            yield path.name, self._unsealed(path.name, _reader(path), sealed)
        if (upload := self._settings.recording.upload) is not None:
            for path in paths:
                opened = functools.partial(_storage(upload).open, path.name)
                yield path.name, self._unsealed(path.name, opened, sealed)

    def _unsealed(self, name: str, opened: Opened, sealed: type[SealedContent]) -> Opened:
        if not name.endswith(SUFFIX):
            return opened
        return lambda: cast(BinaryIO, sealed(opened(), recording_key(self._settings)))


def _reader(path: Path) -> Opened:
    return lambda: path.open("rb")


def _age(ended: datetime) -> timedelta:
    return datetime.now(UTC) - (ended if ended.tzinfo else ended.replace(tzinfo=UTC))


@functools.cache
def _storage(upload: UploadSettings) -> Storage:
    return Storage(upload)
