"""Sealed recordings: read as they were written, by nobody without the key, and whole after a crash."""

from __future__ import annotations

import base64
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.calls import Calls
from gateway.commands.recording_cli import decrypt
from gateway.errors import ConfigError, RecordingError
from gateway.media.recorder import wav_header
from gateway.recording.sealed import MAGIC, SealedFile, SealedSound, read_key
from tests.call.disk_double import LateDisk

KEY = bytes(range(32))
SECOND = bytes(range(250)) * 128


def sealed(path: Path, *sounds: tuple[int, bytes]) -> Path:
    file = SealedFile(path, KEY)
    for position, sound in sounds:
        file.write(position, sound)
    return path


def opened(path: Path, key: bytes = KEY) -> bytes:
    with SealedSound(path.open("rb"), key) as sound:
        return sound.read()


def test_it_is_a_wav_file_with_silence_where_nothing_was_written(tmp_path: Path) -> None:
    path = sealed(tmp_path / "a", (0, SECOND), (64_000, SECOND))
    assert opened(path) == wav_header(96_000) + SECOND + bytes(32_000) + SECOND
    assert SECOND[:64] not in path.read_bytes()


@given(start=st.integers(0, 64_100), length=st.integers(1, 40_000))
def test_any_part_of_it_is_a_part_of_the_whole(
    start: int, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = sealed(tmp_path_factory.mktemp("sealed") / "a", (0, SECOND), (32_000, SECOND))
    with SealedSound(path.open("rb"), KEY) as sound:
        sound.seek(start)
        assert sound.read(length) == (wav_header(64_000) + SECOND + SECOND)[start : start + length]


def test_another_key_opens_nothing_and_says_so(tmp_path: Path) -> None:
    path = sealed(tmp_path / "a", (0, SECOND))
    with pytest.raises(RecordingError, match="another key"):
        opened(path, os.urandom(32))


def test_what_was_changed_is_noticed(tmp_path: Path) -> None:
    path = sealed(tmp_path / "a", (0, SECOND))
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="changed"):
        opened(path)


@pytest.mark.parametrize("content", [b"", b"RIFF", MAGIC, MAGIC + b"\0\0\0\2{}", MAGIC + b"\0\0\0\2[]"])
def test_what_is_no_sealed_recording(content: bytes) -> None:
    with pytest.raises(RecordingError):
        SealedSound(io.BytesIO(content), KEY)


def test_a_chunk_that_a_crash_cut_short_is_left_out(tmp_path: Path) -> None:
    path = sealed(tmp_path / "a", (0, SECOND), (32_000, SECOND))
    path.write_bytes(path.read_bytes()[:-1])
    assert opened(path) == wav_header(32_000) + SECOND


WRITER = """
import sys, pathlib
from gateway.recording.sealed import SealedFile
file = SealedFile(pathlib.Path(sys.argv[1]), bytes(range(32)))
for second in range(10**6):
    file.write(second * 32_000, bytes(range(250)) * 128)
    if second == 20:
        print("ready", flush=True)
"""


def test_it_is_whole_to_its_last_second_when_its_writer_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    sound = opened(path)[44:]
    assert len(sound) >= 21 * 32_000
    assert sound == SECOND * (len(sound) // 32_000)


def test_a_key_has_32_bytes() -> None:
    with pytest.raises(ConfigError, match=r"recording\.key"):
        read_key("c2hvcnQ=")


def test_a_call_is_recorded_into_one(tmp_path: Path) -> None:
    calls, disk = Calls(tmp_path, key=KEY), LateDisk()
    calls.prepare()
    recorder = calls.recorder("c-1", disk)
    for tick in (1, 2, 5):
        recorder.add(tick, b"\x01\x00" * 160, b"\x02\x00" * 160)
    recorder.close()
    disk.work()
    frame = b"\x01\x00\x02\x00" * 160
    assert opened(calls.sealed_path("c-1"))[44:] == bytes(640) + frame * 2 + bytes(1280) + frame
    assert recorder.path == calls.sealed_path("c-1")


def test_the_command_decrypts_with_the_key_of_the_settings(tmp_path: Path) -> None:
    path = sealed(tmp_path / "a", (0, SECOND))
    config = tmp_path / "parley.yaml"
    key = base64.urlsafe_b64encode(KEY).decode()
    config.write_text(f"data_dir: {tmp_path}\nrecording: {{sealed: true, key: '{key}'}}\n")
    decrypt(str(path), tmp_path / "out.wav", config)
    assert (tmp_path / "out.wav").read_bytes() == wav_header(32_000) + SECOND
