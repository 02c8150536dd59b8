"""Where the caller speaks: a loudness gate in front of the detector, and edges behind it.

The detector is good and costs about 360 µs per 32 ms of audio; measuring a frame's level costs 1 µs. A caller is silent
for most of a call, so the detector only hears what is louder than the line's own noise, with `PRE_ROLL_FRAMES` of what
came before: soft beginnings of words are not lost. Windows are dated by counting what the detector was given.
"""

from __future__ import annotations

import audioop
from collections import deque

from gateway.conversation.speech import SpeechEdge, SpeechEdges
from gateway.media.audio import FRAME_BYTES, FRAME_MS, SAMPLE_BYTES
from gateway.providers.base import VoiceActivityDetector
from gateway.worker.loudness import Loudness

QUIET_RMS = 30
"""-60 dBFS: below it is silence on any line."""
ABOVE_NOISE = 1.5
"""Louder than the noise floor by this factor may be speech."""
FLOOR_RISE = 0.002
"""How fast the floor follows louder frames: about 10 s."""
PRE_ROLL_FRAMES = 10
NOISE_BELOW = 0.2
"""A speech probability under which the sound is noise, and tells the noise's level."""
HANGOVER_FRAMES = 20
"""The gate stays open for at least 400 ms after the last loud frame."""


class LoudnessGate:
    """Passes frames that may hold speech, with what came before and after them.

    While the detector hears speech the gate is open, whatever the level: a long word raises the floor, then fades below
    it, and with the gate closed its end would only be found when the caller speaks again.
    """

    def __init__(self) -> None:
        self._floor = float(QUIET_RMS)
        self._before: deque[bytes] = deque(maxlen=PRE_ROLL_FRAMES)
        self._open_frames = 0

    def push(self, frame: bytes, *, speaking: bool = False) -> list[bytes]:
        """The frames to be looked at now: none while it is quiet, several when the gate opens."""
        level = audioop.rms(frame, SAMPLE_BYTES)
        self._floor += (level - self._floor) * (FLOOR_RISE if level > self._floor else 0.5)
        if level > max(QUIET_RMS, self._floor * ABOVE_NOISE):
            self._open_frames = HANGOVER_FRAMES
        if not self._open_frames and not speaking:
            self._before.append(frame)
            return []
        self._open_frames = max(0, self._open_frames - 1)
        frames = [*self._before, frame]
        self._before.clear()
        return frames


class VoiceActivity:
    """One call's caller: audio in, edges of speech out, dated by the detector and by the level together."""

    def __init__(self, detector: VoiceActivityDetector) -> None:
        self._detector = detector
        self._gate = LoudnessGate()
        self._loudness = Loudness()
        self._edges = SpeechEdges()
        self._surplus_ms = 0.0
        self._probability = 0.0

    @property
    def speaking(self) -> bool:
        """The caller speaks."""
        return self._edges.speaking

    def reset(self) -> None:
        """What comes does not belong to what came before."""
        self._edges.reset()

    def push(self, pcm: bytes, at_ms: int) -> list[SpeechEdge]:
        """Consecutive 20 ms frames that start at `at_ms` of the call clock."""
        edges: list[SpeechEdge] = []
        for start in range(0, len(pcm), FRAME_BYTES):
            at_ms += FRAME_MS
            frame = pcm[start : start + FRAME_BYTES]
            frames = self._gate.push(frame, speaking=self._edges.speaking)
            if self._loudness.push(frame, speech=self._probability >= NOISE_BELOW):
                self._edges.loud(at_ms)
            edges += self._detect(frames, at_ms)
            if (edge := self._edges.quiet(at_ms)) is not None:
                edges.append(edge)
        return edges

    def _detect(self, frames: list[bytes], end_ms: int) -> list[SpeechEdge]:
        """Feed frames of which the last ends at `end_ms`."""
        if not frames:
            self._probability = 0.0
            return []
        probabilities = self._detector.push(b"".join(frames))
        window = self._detector.window_ms
        self._surplus_ms += len(frames) * FRAME_MS - len(probabilities) * window
        first_end = end_ms - self._surplus_ms - (len(probabilities) - 1) * window
        found = []
        for index, self._probability in enumerate(probabilities):
            end = first_end + index * window
            found.append(self._edges.push(self._probability, round(end - window), round(end)))
        return [edge for edge in found if edge is not None]
