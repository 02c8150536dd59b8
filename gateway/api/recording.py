"""One side of a call's recording, or both, as a WAV file that is made while it is sent."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gateway.errors import RecordingError

HEADER_BYTES = 44
_CHUNK_FRAMES = 32_768
_SAMPLE_BYTES = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


class Side(Enum):
    """Who is heard."""

    BOTH = "stereo"
    MIXED = "mono"
    CUSTOMER = "customer"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Recording:
    """A stereo file of `gateway.media.recorder`: left the caller, right the agent, 16 bit.

    :raises RecordingError: by `open_recording`, the file is not such a one
    """

    opened: Callable[[], BinaryIO]
    rate: int
    frames: int

    def bytes_of(self, side: Side) -> int:
        """Of the WAV file with this side."""
        return HEADER_BYTES + self.frames * _SAMPLE_BYTES * _channels(side)

    def read(self, side: Side, start: int, end: int) -> Iterator[bytes]:
        """The WAV file with this side, from byte `start` to before byte `end`."""
        header = self._header(side)
        if start < HEADER_BYTES:
            yield header[start:end]
        block = _SAMPLE_BYTES * _channels(side)
        position = max(start, HEADER_BYTES) - HEADER_BYTES
        last = end - HEADER_BYTES
        with self.opened() as file:
            while position < last:
                frame = position // block
                sound = self._sound(file, side, frame, min(_CHUNK_FRAMES, -(-last // block) - frame))
                yield sound[position - frame * block : last - frame * block]
                position = (frame + len(sound) // block) * block

    def _sound(self, file: BinaryIO, side: Side, frame: int, count: int) -> bytes:
        file.seek(HEADER_BYTES + frame * 2 * _SAMPLE_BYTES)
        raw = file.read(count * 2 * _SAMPLE_BYTES).ljust(count * 2 * _SAMPLE_BYTES, b"\0")
        if side is Side.BOTH:
            return raw
        both = np.frombuffer(raw, dtype="<i2").reshape(-1, 2)
        if side is Side.MIXED:
            mixed = np.clip(both.sum(axis=1, dtype=np.int32), -32768, 32767)
            return bytes(mixed.astype("<i2").tobytes())
        return bytes(both[:, 0 if side is Side.CUSTOMER else 1].tobytes())

    def _header(self, side: Side) -> bytes:
        channels = _channels(side)
        block = channels * _SAMPLE_BYTES
        data = self.frames * block
        form = (b"fmt ", 16, 1, channels, self.rate, self.rate * block, block, _SAMPLE_BYTES * 8)
        return _HEADER.pack(b"RIFF", _HEADER.size - 8 + data, b"WAVE", *form, b"data", data)


def open_recording(path: Path) -> Recording | None:
    """The recording at `path`; None when there is none.

    :raises RecordingError: it is no stereo recording of Parley's
    """
    return read_recording(lambda: path.open("rb"), path.name)


def read_recording(opened: Callable[[], BinaryIO], name: str) -> Recording | None:
    """The recording in a file that can be opened and read anywhere; None when there is none.

    :raises RecordingError: it is no stereo recording of Parley's
    """
    try:
        with opened() as file:
            header = file.read(HEADER_BYTES)
            size = file.seek(0, 2)
    except FileNotFoundError:
        return None
    if len(header) < HEADER_BYTES or header[:4] != b"RIFF":
        raise RecordingError(f"{name} is no recording of a call.")
    _, _, _, _, _, _, channels, rate, *_ = _HEADER.unpack(header)
    if channels != 2:
        raise RecordingError(f"{name} has {channels} channels, not 2.")
    return Recording(opened, rate, (size - HEADER_BYTES) // (2 * _SAMPLE_BYTES))


def _channels(side: Side) -> int:
    return 2 if side is Side.BOTH else 1
