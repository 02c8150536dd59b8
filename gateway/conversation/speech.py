"""Edges of caller speech from speech probabilities.

Speech begins when `ONSET_WINDOWS` windows in a row reach `ONSET`; the edge is dated back to the first of them. It ends
when no window reached `RELEASE` for `HANGOVER_MS`; the edge is dated back to the end of the last window that did. So
both edges carry the real time of the sound, and the detector's own delay shows only in when they are reported.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.conversation.events import SpeechEnded, SpeechStarted

ONSET = 0.5
RELEASE = 0.35
ONSET_WINDOWS = 2
HANGOVER_MS = 120


@dataclass(slots=True)
class SpeechEdges:
    """Hysteresis over the windows of one call's detector."""

    speaking: bool = False
    _above: int = 0
    _onset_ms: int = 0
    _last_speech_ms: int = 0

    def push(self, probability: float, start_ms: int, end_ms: int) -> SpeechStarted | SpeechEnded | None:
        """One window over [start_ms, end_ms] of the call clock; returns the edge that it completes, if any."""
        if self.speaking:
            return self._while_speaking(probability, end_ms)
        return self._while_silent(probability, start_ms, end_ms)

    def reset(self) -> None:
        """Forget everything: the audio before and after do not belong together (hold, a gap)."""
        self.speaking = False
        self._above = 0

    def _while_silent(self, probability: float, start_ms: int, end_ms: int) -> SpeechStarted | None:
        if probability < ONSET:
            self._above = 0
            return None
        if not self._above:
            self._onset_ms = start_ms
        self._above += 1
        if self._above < ONSET_WINDOWS:
            return None
        self.speaking, self._above, self._last_speech_ms = True, 0, end_ms
        return SpeechStarted(end_ms, self._onset_ms)

    def _while_speaking(self, probability: float, end_ms: int) -> SpeechEnded | None:
        if probability >= RELEASE:
            self._last_speech_ms = end_ms
        if end_ms - self._last_speech_ms < HANGOVER_MS:
            return None
        self.speaking = False
        return SpeechEnded(end_ms, self._last_speech_ms)
