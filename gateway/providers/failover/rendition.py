"""What one voice made of a text so far: its audio, and where the borders of the words are in it.

Voices that tell word times are believed. For the others each word is looked for where it should end by the voice's
pace, and taken to end at the quietest moment near by; the next one is looked for from there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.conversation.heard import SAMPLES_PER_CHARACTER
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE, ms_to_samples
from gateway.providers.base import SpokenWord, VoiceChunk

_WORD = re.compile(r"\S+")
_BLOCK = ms_to_samples(10)
_PAUSE = ms_to_samples(40)
"""Between the words of two voices."""
_QUIET = 0.005
"""Of full scale (-46 dB): silence, whatever the voice."""
_BREAK = 0.1
"""Of the voice's own level: a break between words."""
_LEAST_SHARE = 0.1
_REACH = 0.4
"""Share of a word's expected length by which it may end earlier or later."""
_LEAST_REACH = ms_to_samples(100)


def is_speech(text: str, pcm: bytes) -> bool:
    """Audio may be a whole text's: it has sound, and a tenth of the usual length at least."""
    samples = np.frombuffer(pcm, "<i2")
    enough = min(_LEAST_SHARE * len(text) * SAMPLES_PER_CHARACTER, SAMPLE_RATE)
    return len(samples) >= max(1, enough) and int(np.abs(samples.astype(np.int32)).max()) > _QUIET * 32768


@dataclass(slots=True)
class Rendition:
    """:param text: what the voice was asked to say
    :param timed: it tells word times
    :param pace: its samples per character, where it does not
    :param trimmed: it goes on for another voice, so its beginning is to be a short pause, however it begins"""

    text: str
    timed: bool = False
    pace: float = SAMPLES_PER_CHARACTER
    trimmed: bool = False
    pcm: bytearray = field(default_factory=bytearray)
    words: list[SpokenWord] = field(default_factory=list)
    """Those that are whole in the audio so far, from the start of the text."""
    _told: list[SpokenWord] = field(default_factory=list)
    _levels: list[float] = field(default_factory=list)
    _cut: int = 0

    @property
    def samples(self) -> int:
        """Length of the audio so far."""
        return len(self.pcm) // SAMPLE_BYTES

    @property
    def plausible(self) -> bool:
        """It is speech, by its length and level."""
        return is_speech(self.text, bytes(self.pcm))

    def push(self, chunk: VoiceChunk) -> None:
        """The voice's next audio."""
        pcm = self._without_lead(chunk.pcm)
        self.pcm += pcm
        self._told += chunk.words
        self._measure()
        if self.timed:
            self._believe()
        else:
            self._look()

    def finish(self) -> None:
        """The voice has said all: the words that are left end with the audio at the latest."""
        if self.timed:
            self._told = [SpokenWord(w.text, w.start, min(w.end, self.samples + self._cut)) for w in self._told]
            self._believe()
        else:
            self._share_out()

    def rest(self, samples: int) -> str:
        """The text behind the words that are whole in the first `samples`."""
        heard = sum(word.end <= samples for word in self.words)
        spans = list(_WORD.finditer(self.text))
        return self.text[spans[heard].start() :] if heard < len(spans) else ""

    def border(self) -> int:
        """Samples up to the end of the last word that is whole."""
        return min(self.words[-1].end, self.samples) if self.words else 0

    def measured_pace(self) -> float | None:
        """Samples per character of the whole text, without the silence around it; None for a short text."""
        loud = [block for block, level in enumerate(self._levels) if level > _QUIET]
        if len(self.text) < 20 or not loud:
            return None
        return (loud[-1] + 1 - loud[0]) * _BLOCK / len(self.text)

    # ------------------------------------------------------------ audio

    def _without_lead(self, pcm: bytes) -> bytes:
        """With a short pause in the place of whatever silence there is before the first sound, where that is wanted."""
        if not self.trimmed or not pcm:
            return pcm
        loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2")) > _QUIET * 32768)
        silence = int(loud[0]) if loud.size else len(pcm) // SAMPLE_BYTES
        self._cut += silence
        if not loud.size:
            return b""
        self.trimmed = False
        self._cut -= _PAUSE
        return bytes(_PAUSE * SAMPLE_BYTES) + pcm[silence * SAMPLE_BYTES :]

    def _measure(self) -> None:
        """The levels of the blocks that are complete now."""
        known, whole = len(self._levels), self.samples // _BLOCK
        new = np.frombuffer(self.pcm, "<i2", (whole - known) * _BLOCK, known * _BLOCK * SAMPLE_BYTES)
        blocks = new.reshape(-1, _BLOCK).astype(np.float64) / 32768
        self._levels += np.sqrt((blocks**2).mean(axis=1)).tolist()

    # ------------------------------------------------------------ words

    def _believe(self) -> None:
        """Take the told words that are whole, in the audio without its lead."""
        while len(self.words) < len(self._told):
            word = self._told[len(self.words)]
            start, end = max(0, word.start - self._cut), max(0, word.end - self._cut)
            if end > self.samples:
                return
            self.words.append(SpokenWord(word.text, start, end))

    def _look(self) -> None:
        """Find the ends of the words that the audio holds."""
        texts = self.text.split()
        while len(self.words) < len(texts) - 1:
            text = texts[len(self.words)]
            start = self._next_sound(self.words[-1].end if self.words else 0)
            length = (len(text) + 1) * self.pace
            reach = max(_LEAST_REACH, round(length * _REACH))
            expected = start + round(length)
            if expected > self.samples - 2 * _BLOCK:
                return
            end = self._quietest(expected, reach)
            if expected + reach > self.samples and self._levels[end // _BLOCK] > self._floor():
                return  # a better place may come yet
            self.words.append(SpokenWord(text, start, end))

    def _share_out(self) -> None:
        """The words that were not found share the audio behind those that were."""
        texts = self.text.split()[len(self.words) :]
        start = self._next_sound(self.border())
        scale = (self.samples - start) / max(1, sum(map(len, texts)))
        for text in texts:
            end = start + round(len(text) * scale)
            self.words.append(SpokenWord(text, start, min(end, self.samples)))
            start = end

    def _next_sound(self, sample: int) -> int:
        """Where the voice goes on behind a border."""
        floor = self._floor()
        block = sample // _BLOCK
        while block < len(self._levels) and self._levels[block] < floor:
            block += 1
        return max(sample, block * _BLOCK)

    def _quietest(self, expected: int, reach: int) -> int:
        """The beginning of the quietest moment near a place; of equal ones the nearest."""
        levels: npt.NDArray[np.float64] = np.array(self._levels)
        first, last = max(0, expected - reach) // _BLOCK, min(len(levels), (expected + reach) // _BLOCK + 1)
        near = levels[first:last] / max(self._loud(), _QUIET)
        away = np.abs((np.arange(first, last) + 0.5) * _BLOCK - expected) / reach
        block = first + int((near + 0.5 * away).argmin())
        floor = self._floor()
        while block > first and self._levels[block] < floor and self._levels[block - 1] < floor:
            block -= 1
        return block * _BLOCK

    def _loud(self) -> float:
        return float(np.percentile(self._levels, 80)) if self._levels else 0.0

    def _floor(self) -> float:
        return max(_QUIET, _BREAK * self._loud())
