"""The beep after which a voicemail records.

Each 20 ms frame is looked at with the one before it. While nearly all of its energy lies at one or two frequencies that
stay where they are, a tone goes on. What it was is decided when it is over, from its whole spectrum, whose resolution
tells a steady tone from a sung one and 440 + 480 Hz from one frequency. Not a beep is what the telephone network sends:
dial, ringing, busy and special information tones (ITU-T E.180, E.182) and DTMF (Q.23); nor a tone among others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gateway.media.audio import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE

Spectrum = np.ndarray[tuple[int], np.dtype[np.float64]]

LOWEST_HZ, HIGHEST_HZ = 395.0, 2250.0
SHORTEST_MS, LONGEST_MS = 120, 2_500
ALONE_BEFORE_MS = 300
"""A tone that follows another sooner is part of a melody or a cadence."""
ALONE_AFTER_FRAMES = 4
QUIET_RMS = 150.0
"""-47 dBFS: no machine beeps so softly."""
TONAL = 0.86
"""Share of a frame's energy at its one or two frequencies."""
PURE = 0.85
"""And of a whole tone's, within `STEADY_HZ` of them."""
STEADY_HZ = 9.0
JUMP_HZ = 30.0
"""A frame whose frequency is further from the one before begins another tone."""
APART_HZ = 60.0
"""No machine's two frequencies are nearer to each other."""
SECOND = 0.04
"""Power of the weaker of two frequencies, of the stronger's."""

_WINDOW = np.hanning(2 * FRAME_SAMPLES)
_BIN_HZ = SAMPLE_RATE / (2 * FRAME_SAMPLES)
_BINS_HZ = np.arange(FRAME_SAMPLES + 1) * _BIN_HZ
_LOBE_BINS = 2
_EDGE_SAMPLES = 40
"""5 ms: how exactly the end of a tone is dated."""

_NETWORK_PAIRS = ((350, 440), (440, 480), (480, 620), (400, 450), (350, 425), (400, 425), (425, 450))
_NETWORK_HZ = (395.0, 460.0)
"""Single tones of the networks outside North America."""
_NETWORK_MS = ((180, 320), (350, 390), (440, 560), (720, 780), (930, 1070), (1_900, 2_100))
_DTMF_LOW, _DTMF_HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_DTMF_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone that is over: its frequencies (Hz, strongest first) and its length in ms."""

    hz: tuple[float, ...]
    length_ms: int

    @property
    def of_network(self) -> bool:
        """The telephone network sends it."""
        if len(self.hz) == 2:
            low, high = sorted(self.hz)
            pair = any(abs(low - one) < STEADY_HZ and abs(high - two) < STEADY_HZ for one, two in _NETWORK_PAIRS)
            return pair or (_near(low, _DTMF_LOW) and _near(high, _DTMF_HIGH))
        at_network = _NETWORK_HZ[0] <= self.hz[0] <= _NETWORK_HZ[1]
        return at_network and any(low <= self.length_ms <= high for low, high in _NETWORK_MS)

    @property
    def beeps(self) -> bool:
        """An answering machine's, as far as it can be known of the tone alone."""
        fits = SHORTEST_MS <= self.length_ms <= LONGEST_MS
        return fits and all(LOWEST_HZ <= hz <= HIGHEST_HZ for hz in self.hz) and not self.of_network


class BeepDetector:
    """One call's caller: audio in, ends of beeps out. Push consecutive frames."""

    def __init__(self) -> None:
        self._frame = np.zeros(FRAME_SAMPLES)
        self._tone: list[Spectrum] = []
        self._hz = 0.0
        self._last_end_ms = -ALONE_BEFORE_MS
        self._alone = True
        self._pending_ms: int | None = None
        self._frames_after = 0

    def push(self, pcm: bytes, at_ms: int) -> list[int]:
        """20 ms frames that start at `at_ms` of the call clock; returns when beeps ended, ms of that clock."""
        beeps = []
        for start in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES):
            at_ms += FRAME_MS
            frame = np.frombuffer(pcm, np.int16, FRAME_SAMPLES, start).astype(np.float64)
            if (end_ms := self._push(frame, at_ms)) is not None:
                beeps.append(end_ms)
        return beeps

    def _push(self, frame: Spectrum, now: int) -> int | None:
        hz = _tonal_hz(np.concatenate((self._frame, frame)))
        if hz is not None and self._tone and abs(hz - self._hz) <= JUMP_HZ:
            self._tone.append(frame)
        else:
            if self._tone:
                self._end_tone(frame, now)
            if hz is not None:
                self._begin_tone(frame, now)
        self._frame, self._hz = frame, hz or 0.0
        return self._look_if_alone()

    def _begin_tone(self, frame: Spectrum, now: int) -> None:
        """The window that showed it reaches into the frame before."""
        self._alone = now - 2 * FRAME_MS - self._last_end_ms >= ALONE_BEFORE_MS
        self._tone = [self._frame, frame]
        self._pending_ms = None

    def _end_tone(self, frame: Spectrum, now: int) -> None:
        samples = np.concatenate((*self._tone, frame))
        first, last = _extent(samples)
        end_ms = now - round((len(samples) - last) * 1000 / SAMPLE_RATE)
        self._tone, self._last_end_ms = [], end_ms
        tone = analysed(samples[first:last])
        if tone is not None and tone.beeps and self._alone:
            self._pending_ms, self._frames_after = end_ms, 0

    def _look_if_alone(self) -> int | None:
        if self._pending_ms is None or self._tone:
            return None
        self._frames_after += 1
        if self._frames_after < ALONE_AFTER_FRAMES:
            return None
        end_ms, self._pending_ms = self._pending_ms, None
        return end_ms


def analysed(samples: Spectrum) -> Tone | None:
    """What a stretch of sound is, None when it is no steady tone of one or two frequencies."""
    if len(samples) < FRAME_SAMPLES:
        return None
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    bin_hz = SAMPLE_RATE / len(samples)
    # A window of n samples spreads one frequency over 4 bins: the shorter the tone, the wider.
    reach = int(np.ceil(max(STEADY_HZ, 2 * bin_hz) / bin_hz))
    total = float(power.sum()) or 1.0
    found: list[tuple[float, float]] = []
    for _ in range(2):
        peak = int(power.argmax())
        low, high = max(0, peak - reach), peak + reach + 1
        share = float(power[low:high].sum()) / total
        if found and share < SECOND * found[0][1]:
            break
        found.append((peak * bin_hz, share))
        power[low:high] = 0
    if sum(share for _, share in found) < PURE or _blurred(found):
        return None
    return Tone(tuple(hz for hz, _ in found), round(len(samples) * 1000 / SAMPLE_RATE))


def _blurred(found: list[tuple[float, float]]) -> bool:
    """Two peaks beside each other are one frequency that moved, unless the network sends such a pair."""
    if len(found) < 2:
        return False
    (one, _), (two, _) = found
    return abs(one - two) < APART_HZ and not Tone((one, two), 0).of_network


def _tonal_hz(samples: Spectrum) -> float | None:
    """The mean frequency of two frames when nearly all energy is at one or two frequencies; None otherwise."""
    if np.sqrt(np.mean(samples[FRAME_SAMPLES:] ** 2)) < QUIET_RMS:
        return None
    power = np.abs(np.fft.rfft(samples * _WINDOW)) ** 2
    total, shares, mean = float(power.sum()), 0.0, 0.0
    for _ in range(2):
        peak = int(power.argmax())
        low, high = max(0, peak - _LOBE_BINS), peak + _LOBE_BINS + 1
        shares += float(power[low:high].sum())
        mean += float((power[low:high] * _BINS_HZ[low:high]).sum())
        power[low:high] = 0
    mean /= shares or 1.0
    return mean if shares >= TONAL * total and LOWEST_HZ - 50 <= mean <= HIGHEST_HZ else None


def _extent(samples: Spectrum) -> tuple[int, int]:
    """Where the loud part of a tone begins and ends, in samples."""
    blocks = samples[: len(samples) // _EDGE_SAMPLES * _EDGE_SAMPLES].reshape(-1, _EDGE_SAMPLES)
    level = np.sqrt(np.mean(blocks**2, axis=1))
    loud = np.flatnonzero(level >= np.median(level) / 2)
    return int(loud[0]) * _EDGE_SAMPLES, int(loud[-1] + 1) * _EDGE_SAMPLES


def _near(hz: float, wanted: tuple[int, ...]) -> bool:
    return any(abs(hz - one) <= one * _DTMF_TOLERANCE for one in wanted)
