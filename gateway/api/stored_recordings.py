"""Where the recording of a call is: on this machine, in the storage that it was uploaded to, or nowhere any more."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.api.recording import Recording, open_recording, read_recording
from gateway.call.calls import Calls
from gateway.errors import Gone, NotFound, StorageAway, Unavailable
from gateway.recording.settings import RecordingSettings, UploadSettings
from gateway.recording.storage import Storage
from gateway.store.calls import CallRow


class StoredRecordings:
    """Everything here waits for a disk or the network: call it in a thread."""

    def __init__(self, settings: RecordingSettings, data_dir: Path) -> None:
        self._settings = settings
        self._files = Calls(data_dir)

    def found(self, row: CallRow) -> Recording:
        """The recording of a call.

        :raises Gone: it was deleted when it was old
        :raises NotFound: there is none
        :raises Unavailable: the storage does not answer
        """
        path = self._files.recording_path(row.id)
        recording = open_recording(path) or self._uploaded(path.name)
        if recording is not None:
            return recording
        days = self._settings.keep_days
        if days is not None and row.ended_at is not None and _age(row.ended_at) > timedelta(days=days):
            raise Gone(f"What was kept of call {row.id!r} was deleted after {days:g} days (recording.keep_days).")
        raise NotFound(f"There is no recording of call {row.id!r} on this machine.")

    def address(self, row: CallRow) -> str | None:
        """A URL of the storage's own for the whole recording; None where it is here, or the storage has no URLs."""
        path, upload = self._files.recording_path(row.id), self._settings.upload
        if upload is None or path.exists() or self._uploaded(path.name) is None:
            return None
        return _storage(upload).address(path.name)

    def _uploaded(self, name: str) -> Recording | None:
        upload = self._settings.upload
        if upload is None:
            return None
        storage = _storage(upload)
        try:
            return read_recording(functools.partial(storage.open, name), name)
        except StorageAway as error:
            raise Unavailable(str(error)) from error


def _age(ended: datetime) -> timedelta:
    return datetime.now(UTC) - (ended if ended.tzinfo else ended.replace(tzinfo=UTC))


@functools.cache
def _storage(upload: UploadSettings) -> Storage:
    return Storage(upload)
