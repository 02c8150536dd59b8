"""The recording: aligned by ticks, playable at every moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from gateway.media.recorder import CHUNK_FRAMES, WAITING_LIMIT, Recorder
from tests.call.disk_double import LateDisk

CALLER = b"\x01\x00" * 160
AGENT = b"\x02\x00" * 160


@pytest.fixture
def disk() -> LateDisk:
    return LateDisk()


@pytest.fixture
def recorder(tmp_path: Path, disk: LateDisk) -> Recorder:
    return Recorder(tmp_path / "call.wav", disk.submit)


def channels(path: Path) -> tuple[list[int], list[int]]:
    """One number per frame of 160 samples: caller, agent."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 160, 2)
    assert (samples == samples[:, :1]).all()
    return samples[:, 0, 0].tolist(), samples[:, 0, 1].tolist()


def test_the_caller_is_left_and_the_agent_right(recorder: Recorder, disk: LateDisk) -> None:
    for tick in range(3):
        recorder.add(tick, CALLER, AGENT)
    recorder.close()
    disk.work()
    assert channels(recorder.path) == ([1, 1, 1], [2, 2, 2])


@pytest.mark.scenario("MED-16", peer="simulated disk", transport="none")
def test_a_tick_that_never_came_is_silence_in_its_place(recorder: Recorder, disk: LateDisk) -> None:
    for tick in (1, 2, 5):
        recorder.add(tick, CALLER, AGENT)
    recorder.close()
    disk.work()
    assert channels(recorder.path) == ([0, 1, 1, 0, 0, 1], [0, 2, 2, 0, 0, 2])


@pytest.mark.scenario("MED-16", peer="simulated disk", transport="none")
def test_what_was_written_is_playable_when_the_process_dies(recorder: Recorder, disk: LateDisk) -> None:
    for tick in range(2 * CHUNK_FRAMES + 7):
        recorder.add(tick, CALLER, AGENT)
    disk.work()
    assert channels(recorder.path)[0] == [1] * 2 * CHUNK_FRAMES
    assert recorder.path.stat().st_size == 44 + 2 * CHUNK_FRAMES * 640


_DYING = """
import os, signal, sys, time
from pathlib import Path
from gateway.call.disk import DiskThread
from gateway.media.recorder import Recorder

disk = DiskThread()
recorder = Recorder(Path(sys.argv[1]), disk.submit)
start = time.monotonic()
for tick in range(int(sys.argv[2])):
    time.sleep(max(0, start + tick * 0.02 - time.monotonic()))
    recorder.add(tick, b"\\1\\0" * 160, b"\\2\\0" * 160)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.scenario("MED-16", peer="process killed -9", transport="none")
def test_a_gateway_that_is_killed_loses_a_second_at_most_and_its_file_opens(tmp_path: Path) -> None:
    path, ticks = tmp_path / "call.wav", 2 * CHUNK_FRAMES + 40
    done = subprocess.run([sys.executable, "-c", _DYING, str(path), str(ticks)], check=False)
    assert done.returncode == -signal.SIGKILL
    caller, agent = channels(path)
    assert set(caller) == {1}
    assert set(agent) == {2}
    assert len(caller) == len(agent) >= ticks - CHUNK_FRAMES


@pytest.mark.scenario("MED-16", peer="simulated disk", transport="none")
def test_both_sides_of_an_hour_are_of_the_same_ticks(recorder: Recorder, disk: LateDisk) -> None:
    hour, mark = 3600 * 50, b"\x07\x00" * 160
    for tick in range(0, hour, 50):
        recorder.add(tick, mark if tick % 3000 == 0 else CALLER, mark if tick % 3000 == 0 else AGENT)
        disk.work()
    recorder.close()
    disk.work()
    caller, agent = (np.flatnonzero(np.array(side) == 7) for side in channels(recorder.path))
    assert caller.tolist() == agent.tolist() == list(range(0, hour, 3000))


def test_nothing_touches_the_disk_on_the_media_path(recorder: Recorder, disk: LateDisk) -> None:
    for tick in range(CHUNK_FRAMES):
        recorder.add(tick, CALLER, AGENT)
    assert len(disk.jobs) == 1
    assert not recorder.path.exists()


def test_a_disk_that_stands_still_costs_frames_and_never_memory(recorder: Recorder, disk: LateDisk) -> None:
    frames = (WAITING_LIMIT + 2) * CHUNK_FRAMES
    for tick in range(frames):
        recorder.add(tick, CALLER, AGENT)
    assert len(disk.jobs) == WAITING_LIMIT
    assert recorder.left_out_frames == 2 * CHUNK_FRAMES
    disk.work()
    recorder.add(frames, CALLER, AGENT)
    recorder.close()
    disk.work()
    left, _ = channels(recorder.path)
    assert left == [1] * WAITING_LIMIT * CHUNK_FRAMES + [0] * 2 * CHUNK_FRAMES + [1]


def test_a_call_without_media_leaves_no_file(recorder: Recorder, disk: LateDisk) -> None:
    recorder.close()
    disk.work()
    assert not recorder.path.exists()
