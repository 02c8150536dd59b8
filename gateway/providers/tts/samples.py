"""From a provider's bytes to samples."""

from __future__ import annotations

import audioop

from gateway.media.audio import SAMPLE_BYTES


class WholeSamples:
    """Joins audio that may be cut within a sample. A half sample at the end of all is dropped."""

    def __init__(self) -> None:
        self._half = b""

    def push(self, pcm: bytes) -> bytes:
        """All whole samples so far that were not given yet."""
        joined = self._half + pcm
        whole = len(joined) - len(joined) % SAMPLE_BYTES
        self._half = joined[whole:]
        return joined[:whole]


def from_mulaw(audio: bytes) -> bytes:
    """G.711 µ-law as s16le."""
    return audioop.ulaw2lin(audio, SAMPLE_BYTES)
