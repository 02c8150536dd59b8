"""Stereo recording of a call: left the caller, right the agent as it left in RTP, 8000 Hz, 16 bit.

The place of a frame in the file is its tick, so times in the record are times in the recording, and ticks that never
came are silence. Frames are collected for a second and written by the disk thread; the header is brought up to date
with each write, so that a recording whose process died is playable to its last second.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from gateway.media.audio import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_BYTES, SAMPLE_RATE

CHUNK_FRAMES = 50
"""Frames per write: a second."""
WAITING_LIMIT = 60
"""Writes that may wait for a slow disk; beyond, frames are left out, which is silence in the file."""
_CHANNELS = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_BLOCK = _CHANNELS * SAMPLE_BYTES


def wav_header(data_bytes: int) -> bytes:
    """RIFF header of a stereo PCM file with `data_bytes` of audio, 44 bytes."""
    rate = SAMPLE_RATE * _BLOCK
    format_chunk = (b"fmt ", 16, 1, _CHANNELS, SAMPLE_RATE, rate, _BLOCK, SAMPLE_BYTES * 8)
    return _HEADER.pack(b"RIFF", _HEADER.size - 8 + data_bytes, b"WAVE", *format_chunk, b"data", data_bytes)


class SoundFile(Protocol):
    """Where the sound goes."""

    @property
    def path(self) -> Path:
        """Of the file."""

    def write(self, position: int, sound: bytes) -> None:
        """Both channels, from this byte of the sound on. :raises OSError: the disk does not take it"""


class WavFile:
    """A WAV file, made with the first write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data_bytes = 0

    def write(self, position: int, sound: bytes) -> None:
        """What is left out before `position` is a hole in the file, which reads as silence."""
        self._data_bytes = max(self._data_bytes, position + len(sound))
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _write_all(file, sound, _HEADER.size + position)
            _write_all(file, wav_header(self._data_bytes), 0)
        finally:
            os.close(file)


class Recorder:
    """The recording of one call.

    :param file: a path is that of a WAV file
    :param submit: gives a job to the disk thread; jobs are done in order
    :param room: whether the disk has room; what comes while it has none is left out, which is silence, too
    """

    def __init__(
        self,
        file: Path | SoundFile,
        submit: Callable[[Callable[[], object]], None],
        *,
        room: Callable[[], bool] = lambda: True,
    ) -> None:
        self._file: SoundFile = WavFile(file) if isinstance(file, Path) else file
        self.path = self._file.path
        self.left_out_frames = 0
        self._submit = submit
        self._room = room
        self._next_tick = -1
        self._first_tick = self._full_tick = 0
        self._callers: list[bytes] = []
        self._agents: list[bytes] = []
        self._waiting = 0

    def add(self, tick: int, caller: bytes, agent: bytes) -> None:
        """A frame of both sides, 320 bytes each, at its tick of the call clock."""
        if tick != self._next_tick:
            self.close()
            self._first_tick, self._full_tick = tick, tick + CHUNK_FRAMES
        self._next_tick = tick + 1
        self._callers.append(caller)
        self._agents.append(agent)
        if self._next_tick >= self._full_tick:
            self._hand_over()

    def close(self) -> None:
        """Write what waits."""
        if self._callers:
            self._hand_over()

    def _hand_over(self) -> None:
        tick, callers, agents = self._first_tick, self._callers, self._agents
        self._callers, self._agents = [], []
        self._first_tick, self._full_tick = self._next_tick, self._next_tick + CHUNK_FRAMES
        if self._waiting >= WAITING_LIMIT or not self._room():
            self.left_out_frames += len(callers)
            return
        self._waiting += 1
        self._submit(lambda: self._write(tick, callers, agents))

    def _write(self, tick: int, callers: list[bytes], agents: list[bytes]) -> None:
        """On the disk thread."""
        try:
            both = np.empty((len(callers) * FRAME_SAMPLES, _CHANNELS), dtype="<i2")
            both[:, 0] = np.frombuffer(b"".join(callers), dtype="<i2")
            both[:, 1] = np.frombuffer(b"".join(agents), dtype="<i2")
            self._file.write(tick * FRAME_BYTES * _CHANNELS, both.tobytes())
        except OSError:
            self.left_out_frames += len(callers)
            raise
        finally:
            self._waiting -= 1


def _write_all(file: int, data: bytes, offset: int) -> None:
    """:raises OSError: when the disk does not take it all"""
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written
