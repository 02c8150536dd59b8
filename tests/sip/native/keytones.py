"""The C ear and voice for keys from Python, and the presses that it must hear (ITU-T Q.23, Q.24)."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.media.audio import FRAME_SAMPLES
from gateway.sip.keypad import KEYS
from tests.peers.speech import RATE

FRAME = FRAME_SAMPLES
_LOW, _HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
TONES = {key: (_LOW[index // 4], _HIGH[index % 4]) for index, key in enumerate("123A456B789C*0#D")}
_ROOM = 1 << 12

Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Press:
    """A key as a telephone sends it.

    `level_db` is of both tones' mean below full scale, `twist_db` how much the high one is stronger; `off` are parts of
    the frequency by which the low and the high tone are wrong.
    """

    key: str
    tone_ms: float = 40
    gap_ms: float = 40
    level_db: float = -14
    twist_db: float = 0
    off: tuple[float, float] = (0, 0)
    phase: tuple[float, float] = (0, 0)

    def pcm(self) -> NDArray[np.float64]:
        """The tone and the gap behind it."""
        time = np.arange(round(self.tone_ms * RATE / 1000)) / RATE
        sound = np.zeros(len(time) + round(self.gap_ms * RATE / 1000))
        for hertz, off, phase, share in zip(TONES[self.key], self.off, self.phase, (-0.5, 0.5), strict=True):
            amplitude = 32768 * np.sqrt(2) * 10 ** ((self.level_db + share * self.twist_db) / 20)
            sound[: len(time)] += amplitude * np.sin(2 * np.pi * hertz * (1 + off) * time + phase)
        return sound


def line(presses: list[Press], *, snr_db: float | None = None, seed: int = 1) -> Pcm:
    """Presses one after the other, with white noise that is so much weaker than they."""
    rng = np.random.default_rng(seed)
    parts = [np.zeros(int(rng.integers(50, 400)))]
    for press in presses:
        parts += [press.pcm(), np.zeros(int(rng.integers(0, 40)))]
    sound = np.concatenate([*parts, np.zeros(800)])
    if snr_db is not None:
        power = 2 * (10 ** (presses[0].level_db / 20) * 32768) ** 2
        sound += rng.normal(0, np.sqrt(power / 10 ** (snr_db / 10)), len(sound))
    heard: Pcm = np.clip(sound, -32768, 32767).astype(np.int16)
    return heard


class Ear:
    """`key_ear` of keytones.h."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._ear = ctypes.create_string_buffer(_ROOM)
        library.key_ear_sounding.restype = ctypes.c_bool
        library.key_ear_reset(self._ear)

    def tick(self, frame: Pcm) -> str:
        """The key that went down in 20 ms."""
        whole = np.ascontiguousarray(frame)
        key = self._library.key_ear_tick(self._ear, ctypes.c_void_p(whole.ctypes.data))
        return KEYS[key] if key >= 0 else ""

    @property
    def sounding(self) -> bool:
        return bool(self._library.key_ear_sounding(self._ear))

    def hear(self, pcm: Pcm) -> str:
        """All keys of a recording."""
        return "".join(self.tick(pcm[at : at + FRAME]) for at in range(0, len(pcm) - FRAME + 1, FRAME))


def say(library: ctypes.CDLL, keys: str, *, tone_ms: int, gap_ms: int) -> Pcm | None:
    """What `key_voice` makes of keys, to the end; None when it does not take them."""
    voice, frame = ctypes.create_string_buffer(_ROOM), np.zeros(FRAME, dtype=np.int16)
    library.key_voice_say.restype = library.key_voice_tick.restype = ctypes.c_bool
    library.key_voice_reset(voice)
    if not library.key_voice_say(voice, keys.encode(), tone_ms, gap_ms):
        return None
    frames = [np.zeros(FRAME, dtype=np.int16)]
    while library.key_voice_tick(voice, ctypes.c_void_p(frame.ctypes.data)):
        frames.append(frame.copy())
    return np.concatenate([*frames, np.zeros(4 * FRAME, dtype=np.int16)])
