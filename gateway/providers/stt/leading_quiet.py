"""Keeps silence from a provider that bills it, or makes up text for it.

A call's audio flows all the time, also while the agent speaks. What is fainter than any speech on a telephone is held
back until something louder comes; half a second of it goes along, for the onset of the first word.
"""

from __future__ import annotations

import audioop

from gateway.media.audio import SAMPLE_BYTES, ms_to_samples

_FAINT = 60
"""Root mean square, of 32768: some -55 dBFS."""
_KEPT_BYTES = ms_to_samples(500) * SAMPLE_BYTES


class LeadingQuiet:
    """Audio before the first sound. 8000 Hz mono s16le."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._sounded = False

    def push(self, pcm: bytes) -> bytes:
        """The next audio; returns what is to be sent now, which ends with it, or nothing."""
        if self._sounded:
            return pcm
        self._held += pcm
        if audioop.rms(pcm, SAMPLE_BYTES) >= _FAINT:
            self._sounded = True
            sent = bytes(self._held)
            self._held.clear()
            return sent
        del self._held[: max(0, len(self._held) - _KEPT_BYTES)]
        return b""

    def reset(self) -> None:
        """What was said is complete: quiet from here on leads what comes next."""
        self._sounded = False
