"""What the caller says, and ears that know the recordings of it: also from the middle on, and through µ-law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.assistant.provider_settings import VoiceSettings
from gateway.media.audio import FRAME_BYTES, SAMPLE_BYTES, SAMPLE_RATE, ms_to_samples
from gateway.providers.registry import Providers
from tests.providers.emulators.ear import HeardWord, Stretches
from tests.worker.fakes import rms

QUESTIONS = ("call back tomorrow evening", "red lemon orange door")
"""What transcribers make of the recordings."""
_SPOKEN = ("Could you tell me the time please?", "I would like to order some bread.")

_BYTES_PER_MS = SAMPLE_RATE * SAMPLE_BYTES // 1000
_SURE_MS = 200
"""So much of a stretch tells where in the recordings it is from."""
_APART_MS = 1000
_SLACK_MS = 60

Recordings = Mapping[str, bytes]
"""8000 Hz mono s16le, by what is said."""


async def recordings() -> Recordings:
    """The questions by the embedded voice, without silence around them: a voice activity detector takes them for
    speech."""
    voice = Providers().voice(VoiceSettings(provider="hibari"))
    spoken = [b"".join([chunk.pcm async for chunk in voice.speak(text)]) for text in _SPOKEN]
    return dict(zip(QUESTIONS, map(_trimmed, spoken), strict=True))


def _trimmed(pcm: bytes) -> bytes:
    frames = [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm), FRAME_BYTES)]
    loud = [index for index, frame in enumerate(frames) if rms(frame) > 300]
    return b"".join(frames[loud[0] : loud[-1] + 1])


@dataclass(frozen=True, slots=True)
class _Part:
    """A word, evenly placed among those of its recording; ms on the timeline of all recordings."""

    text: str
    start_ms: int
    end_ms: int


class RecordedEar:
    """Hears the words of recordings: each stretch of loud audio is found in them. Words that are not in the audio from
    their beginning are not heard."""

    def __init__(self, known: Recordings) -> None:
        self._parts: list[_Part] = []
        timeline = b""
        for text, pcm in known.items():
            start, length, words = len(timeline) // _BYTES_PER_MS, len(pcm) // _BYTES_PER_MS, text.split()
            cuts = [start + length * index // len(words) for index in range(len(words) + 1)]
            self._parts += [_Part(word, cuts[index], cuts[index + 1]) for index, word in enumerate(words)]
            timeline += pcm + bytes(_APART_MS * _BYTES_PER_MS)
        self._timeline = _normal(timeline)
        self._stretches = Stretches(gap_ms=700)
        self._pcm = bytearray()
        self._place_ms: int | None = None
        self._told: list[HeardWord] = []
        self._told_until_ms = 0

    @property
    def heard_ms(self) -> int:
        """How much audio came."""
        return self._stretches.heard_ms

    @property
    def words(self) -> list[HeardWord]:
        """All words so far."""
        return list(self._told)

    def push(self, pcm: bytes) -> None:
        """The next audio."""
        self._pcm += pcm
        for stretch in self._stretches.push(pcm):
            self._tell(stretch.start_ms, stretch.end_ms + _SLACK_MS)
            self._place_ms = None
        if (start := self._stretches.start_ms) is not None and self.heard_ms - start >= _SURE_MS:
            self._tell(start, self.heard_ms)

    def _tell(self, start_ms: int, end_ms: int) -> None:
        """The words of the stretch from `start_ms` that are complete by `end_ms`."""
        if self._place_ms is None:
            self._place_ms = self._found(start_ms)
            self._told_until_ms = self._place_ms - _SLACK_MS
        ends = self._place_ms + end_ms - start_ms
        for part in self._parts:
            if part.start_ms >= self._told_until_ms and part.end_ms <= ends:
                first, last = (start_ms + ms - self._place_ms for ms in (part.start_ms, part.end_ms))
                self._told.append(HeardWord(part.text, max(0, first), last))
                self._told_until_ms = part.end_ms

    def _found(self, start_ms: int) -> int:
        """Where on the timeline the stretch begins."""
        stretch = self._pcm[start_ms * _BYTES_PER_MS :][: _SURE_MS * _BYTES_PER_MS]
        sample = _normal(bytes(stretch))
        size = 1 << (len(self._timeline) + len(sample)).bit_length()
        product = np.fft.rfft(self._timeline, size) * np.conj(np.fft.rfft(sample, size))
        matches = np.fft.irfft(product, size)[: len(self._timeline)]
        # Loud passages match everything: what counts is the match for their loudness.
        power = np.convolve(self._timeline**2, np.ones(len(sample)), "full")[len(sample) - 1 :]
        return int(np.argmax(matches / np.sqrt(power + 1e-3))) // ms_to_samples(1)


def _normal(pcm: bytes) -> npt.NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64) / 32768
