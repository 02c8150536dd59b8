"""Whether the caller of one leg speaks, frame by frame: webrtcvad behind the fast voice detector's gate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import webrtcvad

from gateway.media.audio import SAMPLE_RATE
from gateway.media.fast_vad import FastVad

_AGGRESSIVENESS = 3
"""webrtcvad's strictest mode: a false alarm stops the agent."""
_LATE_PAUSE_TICKS = 15
"""Speech that began up to 300 ms before playout did still pauses it."""


@dataclass(slots=True)
class CallerEar:
    """State of one leg. `onset_tick` is the beginning of speech that has not paused anything yet."""

    vad: FastVad = field(default_factory=FastVad)
    webrtc: Any = field(default_factory=lambda: webrtcvad.Vad(_AGGRESSIVENESS))
    onset_tick: int | None = None

    def listen(self, tick: int, caller: bytes, level_db: float, own_db: float) -> bool:
        """Take 20 ms of the caller: whether they speak.

        :param level_db: of `caller`, dB below full scale
        :param own_db: of what we sent in the same tick
        """
        vad = self.vad
        if self.onset_tick is None and vad.rests(level_db, own_db):
            return False
        vad.heard(own_db)
        # most frames of a call are too quiet to be asked about
        voiced = level_db > vad.gate_db() and self.webrtc.is_speech(caller, SAMPLE_RATE)
        verdict = vad.step(tick, level_db, voiced=voiced)
        if verdict.onset_tick is not None:
            self.onset_tick = verdict.onset_tick
        elif self.onset_tick is not None and (not verdict.speech or tick - self.onset_tick > _LATE_PAUSE_TICKS):
            self.onset_tick = None
        return verdict.speech
