"""What becomes of the files of calls that have ended: uploaded, and deleted when they are old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from gateway.call.record import CallRecord
from gateway.recording.settings import RecordingSettings
from gateway.recording.storage import Storage
from gateway.recording.uploads import Uploads

log = structlog.get_logger(__name__)

LOOK_SECONDS = 3600.0
DAY_SECONDS = 86_400.0


class Keeping:
    """The files of one gateway.

    :param now: seconds since 1970
    :raises ConfigError: the storage of the settings cannot be used
    """

    def __init__(self, settings: RecordingSettings, data_dir: Path, now: Callable[[], float] = time.time) -> None:
        self._calls = data_dir / "calls"
        self._days = settings.keep_days
        self._now = now
        upload = settings.upload
        self._uploads = Uploads(data_dir / "uploads", Storage(upload), keep_local=upload.keep_local) if upload else None

    def ended(self, record: CallRecord) -> None:
        """The files of a call are complete. Called on the disk thread."""
        if self._uploads is None:
            return
        if record.recording:
            self._uploads.add(record.id, self._calls / record.recording)
        if record.capture:
            self._uploads.add(f"{record.id}-capture", self._calls / record.capture)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self._uploads is not None:
                group.create_task(self._uploads.run(), name="uploads of recordings")
            if self._days is not None:
                group.create_task(self._delete_old(), name="retention")

    async def _delete_old(self) -> None:
        while True:
            deleted = await asyncio.to_thread(self.delete_old)
            if deleted:
                log.info("files of old calls deleted", files=deleted, keep_days=self._days)
            await asyncio.sleep(LOOK_SECONDS)

    def delete_old(self) -> int:
        """Delete the files of calls that nobody wrote to for `keep_days`: sound, events, journal and record; not those
        whose upload is still to come. Returns how many."""
        if self._days is None:
            return 0
        oldest, deleted = self._now() - self._days * DAY_SECONDS, 0
        waiting = self._uploads.files if self._uploads is not None else set()
        for path in self._calls.glob("*"):
            try:
                if path.absolute() not in waiting and path.is_file() and path.stat().st_mtime < oldest:
                    path.unlink()
                    deleted += 1
            except OSError as error:
                log.warning("file not deleted", path=str(path), error=str(error))
        return deleted
