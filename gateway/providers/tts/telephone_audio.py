"""Raw audio of a provider, in pieces of any size, made the telephone's: 8000 Hz mono s16le."""

from __future__ import annotations

import audioop
from typing import Literal

import numpy as np
import soxr

from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE

Encoding = Literal["s16le", "mulaw"]


class TelephoneAudio:
    """One stream of audio. The resampler goes on from piece to piece, so that no piece begins with a click.

    :param rate: of what comes, Hz
    """

    def __init__(self, rate: int = SAMPLE_RATE, encoding: Encoding = "s16le") -> None:
        self._encoding = encoding
        self._half = b""
        self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="int16") if rate != SAMPLE_RATE else None
        self.samples = 0
        """Samples (8000 Hz) given so far."""

    @property
    def seconds(self) -> float:
        """Length of what was given so far."""
        return self.samples / SAMPLE_RATE

    def push(self, audio: bytes) -> bytes:
        """The next piece; may give nothing yet. A piece may end within a sample."""
        return self._out(self._whole(audio), last=False)

    def flush(self) -> bytes:
        """The stream has ended: what the resampler still holds."""
        self._half = b""
        return self._out(b"", last=True)

    def _whole(self, audio: bytes) -> bytes:
        if self._encoding == "mulaw":
            return audioop.ulaw2lin(audio, SAMPLE_BYTES)
        audio = self._half + audio
        whole = len(audio) - len(audio) % SAMPLE_BYTES
        self._half = audio[whole:]
        return audio[:whole]

    def _out(self, pcm: bytes, *, last: bool) -> bytes:
        if self._resampler is not None:
            pcm = self._resampler.resample_chunk(np.frombuffer(pcm, "<i2"), last=last).tobytes()
        self.samples += len(pcm) // SAMPLE_BYTES
        return pcm
