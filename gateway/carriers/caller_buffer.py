"""What a WebSocket's caller sent, given out 20 ms at a time: a jitter buffer for a line that loses nothing. Pure.

Chunks come in any size and rhythm. After a gap the buffer waits for two frames, so that the next small delay is no gap.
A client whose clock is faster than ours, or that has sent silence ahead, is caught up with by leaving out silence.
"""

from __future__ import annotations

import audioop

from gateway.media.audio import FRAME_BYTES, SAMPLE_BYTES, SAMPLE_RATE

START_FRAMES = 2
BEHIND_FRAMES = 6
"""More than this waiting for `PATIENCE_FRAMES` in a row is delay that nothing needs."""
PATIENCE_FRAMES = 100
SILENT_RMS = 30
CAPACITY = 30 * SAMPLE_RATE * SAMPLE_BYTES
"""Bytes; a client that sends more ahead loses the rest."""


class CallerBuffer:
    """`dropped_bytes` did not fit."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._started = False
        self._behind = 0
        self.dropped_bytes = 0

    @property
    def waiting_ms(self) -> int:
        """How long what is here lasts."""
        return len(self._pcm) * 1000 // (SAMPLE_RATE * SAMPLE_BYTES)

    def add(self, pcm: bytes) -> None:
        """Telephone PCM that came."""
        room = CAPACITY - len(self._pcm)
        self._pcm += pcm[:room]
        self.dropped_bytes += max(0, len(pcm) - room)

    def take(self) -> bytes | None:
        """The next frame, 320 bytes; None when nothing of it came yet."""
        if not self._started and len(self._pcm) < START_FRAMES * FRAME_BYTES:
            return None
        self._started = len(self._pcm) >= FRAME_BYTES
        if not self._started:
            return None
        self._behind = self._behind + 1 if len(self._pcm) > BEHIND_FRAMES * FRAME_BYTES else 0
        if self._behind > PATIENCE_FRAMES and self._silent():
            del self._pcm[:FRAME_BYTES]
        frame = bytes(self._pcm[:FRAME_BYTES])
        del self._pcm[:FRAME_BYTES]
        return frame

    def _silent(self) -> bool:
        return audioop.rms(bytes(self._pcm[: 2 * FRAME_BYTES]), SAMPLE_BYTES) < SILENT_RMS
