"""What emulated transcribers of files need: the audio of a WAV file, and a whole answer as a stream."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator


def pcm_of(content: bytes) -> bytes:
    """The audio of a WAV file, which must be 8000 Hz mono s16le."""
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        pcm: bytes = file.readframes(file.getnframes())
        return pcm


async def whole(body: bytes | memoryview) -> AsyncIterator[bytes]:
    """A body in one piece."""
    yield bytes(body)
