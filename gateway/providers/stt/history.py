"""The caller's latest audio, kept so that it can be transcribed again."""

from __future__ import annotations

from gateway.media.audio import SAMPLE_BYTES, ms_to_samples, samples_to_ms

_KEPT_MS = 90_000


class AudioHistory:
    """The last 90 s of a call's audio (8000 Hz mono s16le), by call clock."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._start = 0
        """Sample of the call at which `_pcm` starts."""

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Add audio that starts at `at_ms`. A hole is silence; what was there already is kept."""
        at = ms_to_samples(at_ms)
        if not self._pcm:
            self._start = at
        offset = (at - self._start) * SAMPLE_BYTES - len(self._pcm)
        if offset > ms_to_samples(_KEPT_MS) * SAMPLE_BYTES:
            self._pcm.clear()
            self._start, offset = at, 0
        self._pcm += bytes(max(0, offset)) + pcm[max(0, -offset) :]
        surplus = len(self._pcm) // SAMPLE_BYTES - ms_to_samples(_KEPT_MS)
        if surplus > ms_to_samples(1000):
            del self._pcm[: surplus * SAMPLE_BYTES]
            self._start += surplus

    @property
    def start_ms(self) -> int:
        """From when on there is audio."""
        return samples_to_ms(self._start)

    @property
    def end_ms(self) -> int:
        """How far it reaches, 0 when it is empty."""
        return samples_to_ms(self._start + len(self._pcm) // SAMPLE_BYTES)

    def cut(self, start_ms: int, end_ms: int) -> bytes:
        """Audio of [start_ms, end_ms], as far as it is there."""
        first, last = (max(0, (ms_to_samples(ms) - self._start) * SAMPLE_BYTES) for ms in (start_ms, end_ms))
        return bytes(self._pcm[first:last])
