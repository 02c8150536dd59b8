"""hibari: the embedded voice. English speech at over 100 times real time, with measured word times.

The package's network predicts how long each phoneme lasts and keeps that to itself. We open its model with that tensor
as one more output: protobuf messages merge when they are concatenated, so a few bytes behind the file do it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
from hibari import Hibari, dsp
from hibari.g2p.normalize import normalize

from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import SpokenWord
from gateway.providers.onnx import open_session
from gateway.providers.tts.level import silent_ends, to_telephone_level
from gateway.providers.tts.words import TimedWord, align

_DURATIONS = b"/Cast_32_output_0"
_MODEL_GRAPH, _GRAPH_OUTPUT, _VALUE_NAME = 7, 12, 1  # field numbers in onnx.proto
_LEAD_MS = 10
_PAUSE_MS = 260
"""Silence after a sentence, when the voice itself left as much."""
_SEED = 1


@dataclass(frozen=True, slots=True)
class SpokenPiece:
    """Audio of one sentence (8000 Hz mono s16le) and its words, in samples from its start."""

    pcm: bytes
    words: tuple[SpokenWord, ...]


def _with_plain_digits(text: str) -> str:
    """Superscript and circled digits as plain ones: the package takes them for numbers, and fails to read them."""
    return "".join(str(unicodedata.digit(sign)) if sign.isdigit() and not sign.isdecimal() else sign for sign in text)


class HibariSynthesiser:
    """Blocking synthesis of one sentence; to be used by one thread at a time.

    :param speed: 1 is the voice's own pace
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        self._speed = speed
        self._hibari = Hibari()
        model = Path(self._hibari.model_path).read_bytes()
        self._session = open_session(model + _added_output(_DURATIONS))
        self._hibari.sess = None  # ours replaces it

    def split(self, text: str) -> list[str]:
        """The sentences of a text."""
        sentences: list[str] = self._hibari.split_sentences(text)
        return sentences

    def synthesise(self, sentence: str) -> SpokenPiece:
        """Audio and word times of a sentence; empty when it has nothing to say."""
        phonemes, spans = self._phonemes(sentence)
        known = [symbol in self._hibari.vocab for symbol in phonemes]
        ids = self._hibari.ids(phonemes)
        if not spans or not any(known):
            return SpokenPiece(b"", ())
        feed = {"ids": np.array([ids], dtype=np.int64), "speed": np.array([self._speed], dtype=np.float32)}
        *spectrum, durations = self._session.run(None, feed)
        audio = dsp.synth(*(part[0] for part in spectrum), np.random.default_rng(_SEED))
        symbol_ids = np.concatenate([[0], np.cumsum(known)])
        starts = np.concatenate([[0], np.cumsum(durations.ravel())]) / durations.sum() * (len(audio) / dsp.SR)
        spoken = [
            TimedWord(text, float(starts[symbol_ids[first] + 1]), float(starts[symbol_ids[last] + 1]))
            for text, first, last in spans
        ]
        return _for_telephone(audio, align(sentence, spoken))

    def _phonemes(self, sentence: str) -> tuple[str, list[tuple[str, int, int]]]:
        """Phoneme string, and each spoken word with its span in that string, punctuation apart."""
        tokens = self._hibari.g2p.phonemize_tokens(self._hibari.g2p.tokenize(normalize(_with_plain_digits(sentence))))
        phonemes, spans, word, begin = "", [], "", 0
        for token in tokens:
            symbols = token.phonemes or ""
            if any(character.isalnum() for character in token.text):
                if not word:
                    begin = len(phonemes)
                word += token.text
                end = len(phonemes) + len(symbols)
            phonemes += symbols + (" " if token.whitespace and phonemes + symbols else "")
            if token.whitespace and word:
                spans.append((word, begin, end))
                word = ""
        if word:
            spans.append((word, begin, end))
        return phonemes, spans


def _for_telephone(audio: npt.NDArray[np.float32], words: Sequence[TimedWord]) -> SpokenPiece:
    """To 8 kHz and telephone level, without the third of a second of silence with which the voice begins."""
    resampled = soxr.resample(audio, dsp.SR, SAMPLE_RATE, quality="HQ")
    levelled = to_telephone_level(resampled, SAMPLE_RATE)
    before, after = silent_ends(levelled.astype(np.float32) / np.float32(32768), SAMPLE_RATE)
    cut = max(0, before - SAMPLE_RATE * _LEAD_MS // 1000)
    stop = len(levelled) - max(0, after - SAMPLE_RATE * _PAUSE_MS // 1000)
    pcm = levelled[cut:stop]

    def sample(seconds: float) -> int:
        return min(max(0, round(seconds * SAMPLE_RATE) - cut), len(levelled) - after - cut)

    timed = tuple(SpokenWord(word.text, sample(word.start), sample(word.end)) for word in words)
    return SpokenPiece(pcm.astype("<i2").tobytes(), timed)


def _added_output(name: bytes) -> bytes:
    """ModelProto that has nothing but one graph output of this name."""
    return _message(_MODEL_GRAPH, _message(_GRAPH_OUTPUT, _message(_VALUE_NAME, name)))


def _message(number: int, content: bytes) -> bytes:
    assert len(content) < 128, "longer fields need a longer length"
    return bytes([number << 3 | 2, len(content)]) + content
