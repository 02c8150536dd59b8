"""Audio as it travels on a WebSocket, and as it is inside: 8000 Hz mono s16le."""

from __future__ import annotations

import audioop
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.carriers.resampler import Resampler
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
        self._resampler = Resampler(audio_format.sample_rate, SAMPLE_RATE)

    def decode(self, data: bytes) -> bytes:
        """What of it is whole."""
        data = self._odd + data
        whole = len(data) - len(data) % self._format.sample_bytes
        data, self._odd = data[:whole], data[whole:]
        pcm = audioop.ulaw2lin(data, SAMPLE_BYTES) if self._format.format == "mulaw" else data
        return self._resampler.resample(pcm)


class Encoder:
    """Telephone PCM to bytes for the wire."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._resampler = Resampler(SAMPLE_RATE, audio_format.sample_rate)

    def encode(self, pcm: bytes) -> bytes:
        """Of each frame as much as it is long."""
        resampled = self._resampler.resample(pcm)
        return audioop.lin2ulaw(resampled, SAMPLE_BYTES) if self._format.format == "mulaw" else resampled
