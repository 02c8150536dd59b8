"""Recordings go to S3 over HTTP on the loopback address, through an outage and a restart."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer

from gateway.recording.keeping import Keeping
from gateway.recording.settings import RecordingSettings, UploadSettings
from gateway.recording.storage import Storage
from gateway.recording.uploads import LONGEST_SECONDS, Uploads, wait_seconds
from tests.link.worker_double import until
from tests.peers.ports import free_port


@contextmanager
def s3(port: int) -> Iterator[Any]:
    """The storage, with a bucket; what a client sees."""
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    try:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        client.create_bucket(Bucket="calls")
        yield client
    finally:
        server.stop()


def upload_to(port: int) -> UploadSettings:
    return UploadSettings(
        url="s3://calls/parley", endpoint_url=f"http://127.0.0.1:{port}", key="key", secret="secret", region="us-east-1"
    )


@asynccontextmanager
async def running(uploads: Uploads) -> AsyncIterator[None]:
    task = asyncio.create_task(uploads.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


def queue(directory: Path, port: int) -> Uploads:
    return Uploads(directory / "uploads", Storage(upload_to(port)), keep_local=False, wait=lambda failures: 0.2)


async def test_a_recording_survives_an_outage_and_a_restart(tmp_path: Path) -> None:
    port = free_port()
    recording = tmp_path / "c-1.wav"
    recording.write_bytes(b"RIFF" + bytes(100))
    first = queue(tmp_path, port)
    first.add("c-1", recording)
    async with running(first):
        await asyncio.sleep(1)
        assert recording.exists(), "nobody has it"
        assert first.waiting
    with s3(port) as client:
        again = queue(tmp_path, port)
        async with running(again):
            await until(lambda: not again.waiting, 20)
        stored = client.get_object(Bucket="calls", Key="parley/c-1.wav")["Body"].read()
    assert stored == b"RIFF" + bytes(100)
    assert not recording.exists()


async def test_what_comes_later_is_uploaded_at_once_and_may_stay(tmp_path: Path) -> None:
    settings = UploadSettings(url=f"file://{tmp_path}/stored", keep_local=True)
    uploads = Uploads(tmp_path / "uploads", Storage(settings), keep_local=True)
    recording = tmp_path / "c-2.wav"
    recording.write_bytes(b"sound")
    async with running(uploads):
        await asyncio.sleep(0.1)
        await asyncio.to_thread(uploads.add, "c-2", recording)
        await until(lambda: (tmp_path / "stored" / "c-2.wav").exists(), 5)
        await until(lambda: not uploads.waiting, 5)
    assert recording.exists()


async def test_a_recording_that_was_deleted_meanwhile_holds_nothing_up(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads", Storage(UploadSettings(url=f"file://{tmp_path}/stored")), keep_local=False)
    uploads.add("c-3", tmp_path / "gone.wav")
    async with running(uploads):
        await until(lambda: not uploads.waiting, 5)


class Refusing(Storage):
    """Takes everything but one file."""

    def put(self, file: Path, name: str) -> None:
        if name == "bad.wav":
            raise PermissionError("not this one")
        super().put(file, name)


async def test_a_recording_that_the_storage_refuses_stops_no_other(tmp_path: Path) -> None:
    storage = Refusing(UploadSettings(url=f"file://{tmp_path}/stored"))
    uploads = Uploads(tmp_path / "uploads", storage, keep_local=False, wait=lambda failures: 0.02)
    for name in ("bad", "good"):
        (tmp_path / f"{name}.wav").write_bytes(b"sound")
        uploads.add(name, tmp_path / f"{name}.wav")
    async with running(uploads):
        await until(lambda: (tmp_path / "stored" / "good.wav").exists(), 5)
    assert uploads.files == {tmp_path / "bad.wav"}


def test_attempts_are_made_less_and_less_often() -> None:
    assert [wait_seconds(failures) for failures in (1, 2, 3, 4)] == [2, 4, 8, 16]
    assert wait_seconds(1000) == LONGEST_SECONDS


def test_a_recording_is_read_from_anywhere_in_it_and_has_an_address(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "c-4.wav").write_bytes(b"0123456789")
    with s3(port):
        storage = Storage(upload_to(port))
        storage.put(tmp_path / "c-4.wav", "c-4.wav")
        with storage.open("c-4.wav") as file:
            file.seek(4)
            assert file.read(3) == b"456"
        assert "X-Amz-Signature=" in str(storage.address("c-4.wav"))
        storage.remove("c-4.wav")
        with pytest.raises(FileNotFoundError):
            storage.open("c-4.wav").read()


def test_files_of_old_calls_go_and_others_stay(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    for name in ("old.wav", "old.events.jsonl", "old.json", "old.journal", "new.wav"):
        (calls / name).write_bytes(b"")
    week_ago = time.time() - 7 * 86_400
    for path in calls.glob("old*"):
        os.utime(path, (week_ago, week_ago))
    assert Keeping(RecordingSettings(keep_days=6), tmp_path).delete_old() == 4
    assert [path.name for path in calls.iterdir()] == ["new.wav"]
    assert Keeping(RecordingSettings(), tmp_path).delete_old() == 0


def test_an_old_recording_whose_upload_is_still_to_come_stays(tmp_path: Path) -> None:
    recording = tmp_path / "calls" / "old.wav"
    recording.parent.mkdir()
    recording.write_bytes(b"sound")
    os.utime(recording, (0, 0))
    upload = UploadSettings(url=f"file://{tmp_path}/stored")
    queue_of(tmp_path, upload).add("old", recording)
    assert Keeping(RecordingSettings(keep_days=6, upload=upload), tmp_path).delete_old() == 0
    assert recording.exists()


def queue_of(data_dir: Path, upload: UploadSettings) -> Uploads:
    return Uploads(data_dir / "uploads", Storage(upload), keep_local=False)
