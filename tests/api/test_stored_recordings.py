"""Where a recording is found: here, in the storage it was uploaded to, or nowhere any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from gateway.api.recording import Side
from gateway.api.stored_recordings import StoredRecordings
from gateway.errors import Gone, NotFound, Unavailable
from gateway.media.recorder import wav_header
from gateway.recording.key import recording_key
from gateway.recording.sealed import SealedFile
from gateway.recording.settings import RecordingSettings
from gateway.recording.storage import Storage
from gateway.settings import Settings
from gateway.store.calls import CallRow
from tests.peers.ports import free_port
from tests.recording.test_uploads import s3, upload_to

SOUND = bytes(range(256)) * 250


def row(ended: datetime | None = None) -> CallRow:
    return cast(CallRow, SimpleNamespace(id="c-1", ended_at=ended))


def test_an_uploaded_recording_has_the_storages_address_and_is_read_side_by_side(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "c-1.wav"
    file.write_bytes(wav_header(len(SOUND)) + SOUND)
    with s3(port):
        upload = upload_to(port)
        Storage(upload).put(file, file.name)
        stored = StoredRecordings(Settings(data_dir=tmp_path / "none", recording=RecordingSettings(upload=upload)))
        address = stored.address(row())
        assert address is not None
        assert httpx.get(address).content == file.read_bytes()
        recording = stored.found(row())
        part = b"".join(recording.read(Side.CUSTOMER, 44 + 1000, 44 + 1100))
    left = b"".join(SOUND[at : at + 2] for at in range(0, len(SOUND), 4))
    assert part == left[1000:1100]


def test_a_recording_that_is_here_is_not_asked_for_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "c-1.wav").write_bytes(wav_header(len(SOUND)) + SOUND)
    stored = StoredRecordings(Settings(data_dir=tmp_path, recording=RecordingSettings(upload=upload_to(free_port()))))
    assert stored.address(row()) is None
    assert stored.found(row()).frames == len(SOUND) // 4


def test_a_storage_that_is_away_is_told_from_one_that_has_nothing(tmp_path: Path) -> None:
    stored = StoredRecordings(Settings(data_dir=tmp_path, recording=RecordingSettings(upload=upload_to(free_port()))))
    with pytest.raises(Unavailable):
        stored.found(row())


def test_a_recording_that_was_too_old_is_gone(tmp_path: Path) -> None:
    stored = StoredRecordings(Settings(data_dir=tmp_path, recording=RecordingSettings(keep_days=30)))
    with pytest.raises(Gone, match=r"deleted after 30 days"):
        stored.found(row(datetime.now(UTC) - timedelta(days=31)))
    with pytest.raises(NotFound):
        stored.found(row(datetime.now(UTC) - timedelta(days=29)))


def test_a_sealed_recording_is_read_side_by_side_and_in_parts(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, recording=RecordingSettings(sealed=True))
    (tmp_path / "calls").mkdir()
    file = SealedFile(tmp_path / "calls" / "c-1.wav.sealed", recording_key(settings))
    for at in range(0, len(SOUND), 32_000):
        file.write(at, SOUND[at : at + 32_000])
    recording = StoredRecordings(settings).found(row())
    whole = b"".join(recording.read(Side.BOTH, 0, recording.bytes_of(Side.BOTH)))
    assert whole == wav_header(len(SOUND)) + SOUND
    assert b"".join(recording.read(Side.BOTH, 31_990, 32_100)) == whole[31_990:32_100]
