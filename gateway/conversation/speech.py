"""Edges of caller speech from speech probabilities and levels.

Speech begins when `ONSET_WINDOWS` windows in a row reach `ONSET`; the edge is dated back to the first of them. It ends
when no window reached `RELEASE` for `HANGOVER_MS`, or when no frame was loud for `QUIET_MS` (`SURE_QUIET_MS` while the
detector is sure of speech): voices in the background are speech for it. The edge is dated back to the last loud frame,
because the detector's windows reach past the end of the sound; but in noise soft speech is not loud, so the level may
move the detector's date by no more than `EARLIER_MS`. Both edges thus carry the real time of the sound, and delays show
only in when they are reported.

When nothing was loud for `PAUSE_MS` and the detector is not sure of speech any more, a pause is reported, once for each
stretch of sound: speech may be over, and who needs time for what he does then can begin.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.conversation.events import SpeechEnded, SpeechPaused, SpeechStarted

ONSET = 0.5
RELEASE = 0.35
ONSET_WINDOWS = 2
HANGOVER_MS = 120
PAUSE_MS = 90
QUIET_MS = 240
SURE_QUIET_MS = 360
EARLIER_MS = 80

SpeechEdge = SpeechStarted | SpeechPaused | SpeechEnded


@dataclass(slots=True)
class SpeechEdges:
    """Hysteresis over the windows of one call's detector. Frames and windows come in their order."""

    speaking: bool = False
    _above: int = 0
    _onset_ms: int = 0
    _last_speech_ms: int = 0
    _loud_ms: int = 0
    _sure: bool = False
    _paused: bool = False
    _only_loud: bool = False

    def loud(self, end_ms: int) -> None:
        """A frame that ends at `end_ms` of the call clock is loud."""
        self._loud_ms, self._paused = end_ms, False

    def push(self, probability: float, start_ms: int, end_ms: int) -> SpeechStarted | SpeechEnded | None:
        """One window over [start_ms, end_ms] of the call clock; returns the edge that it completes, if any."""
        self._sure = probability >= ONSET
        if self.speaking:
            return self._while_speaking(probability, end_ms)
        return self._while_silent(probability, start_ms, end_ms)

    def quiet(self, now: int) -> SpeechPaused | SpeechEnded | None:
        """The edge that comes of nothing having been loud lately."""
        if not self.speaking or self._loud_ms <= self._onset_ms:
            return None
        silent_ms = now - self._loud_ms
        if silent_ms >= (SURE_QUIET_MS if self._sure else QUIET_MS):
            self._only_loud = True
            return self._end(now, self._loud_ms)
        if silent_ms >= PAUSE_MS and not self._paused and not self._sure:
            self._paused = True
            return SpeechPaused(now, self._end_ms)
        return None

    def reset(self) -> None:
        """Forget everything: the audio before and after do not belong together (hold, a gap)."""
        self.speaking = False
        self._above = 0

    @property
    def _end_ms(self) -> int:
        """Where the speech ended, if it has."""
        return min(self._last_speech_ms, max(self._loud_ms, self._last_speech_ms - EARLIER_MS, self._onset_ms))

    def _while_silent(self, probability: float, start_ms: int, end_ms: int) -> SpeechStarted | None:
        if probability < RELEASE:
            self._only_loud = False
        if probability < ONSET or (self._only_loud and self._loud_ms < start_ms):
            self._above = 0
            return None
        if not self._above:
            self._onset_ms = start_ms
        self._above += 1
        if self._above < ONSET_WINDOWS:
            return None
        self.speaking, self._above, self._last_speech_ms, self._only_loud = True, 0, end_ms, False
        return SpeechStarted(end_ms, self._onset_ms)

    def _while_speaking(self, probability: float, end_ms: int) -> SpeechEnded | None:
        if probability >= RELEASE:
            self._last_speech_ms = end_ms
        if end_ms - self._last_speech_ms < HANGOVER_MS:
            return None
        return self._end(end_ms, self._end_ms)

    def _end(self, now: int, end_ms: int) -> SpeechEnded:
        self.speaking = False
        return SpeechEnded(now, end_ms)
