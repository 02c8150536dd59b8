"""Audio as it travels on a WebSocket, and as it is inside: 8000 Hz mono s16le."""

from __future__ import annotations

import audioop
from typing import Any, Literal

import numpy as np
import soxr
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE


class AudioFormat(BaseModel):
    """Vapi's `transport.audioFormat`: mono, 16-bit little endian or µ-law, at `sample_rate` Hz."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    format: Literal["pcm_s16le", "mulaw"] = "pcm_s16le"
    container: Literal["raw"] = "raw"
    sample_rate: int = Field(default=16000, ge=3000, le=192_000)

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample on the wire."""
        return 1 if self.format == "mulaw" else SAMPLE_BYTES


class Decoder:
    """Bytes from the wire, cut anywhere, to telephone PCM."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._odd = b""
        self._resampler = _resampler(audio_format.sample_rate, SAMPLE_RATE)

    def decode(self, data: bytes) -> bytes:
        """What of it is whole."""
        data = self._odd + data
        whole = len(data) - len(data) % self._format.sample_bytes
        data, self._odd = data[:whole], data[whole:]
        pcm = audioop.ulaw2lin(data, SAMPLE_BYTES) if self._format.format == "mulaw" else data
        return _resampled(self._resampler, pcm)


class Encoder:
    """Telephone PCM to bytes for the wire."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._resampler = _resampler(SAMPLE_RATE, audio_format.sample_rate)

    def encode(self, pcm: bytes) -> bytes:
        """As much as the resampler gives; it holds back some milliseconds."""
        resampled = _resampled(self._resampler, pcm)
        return audioop.lin2ulaw(resampled, SAMPLE_BYTES) if self._format.format == "mulaw" else resampled


def _resampler(source: int, target: int) -> Any:
    """HQ would hold back 40 ms of a conversation; LQ holds back a few."""
    return None if source == target else soxr.ResampleStream(source, target, 1, dtype="int16", quality="LQ")


def _resampled(resampler: Any, pcm: bytes) -> bytes:
    if resampler is None or not pcm:
        return pcm
    return bytes(resampler.resample_chunk(np.frombuffer(pcm, np.int16)).tobytes())
