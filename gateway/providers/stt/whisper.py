"""Whisper tiny.en (int8 at run time, through CTranslate2): short answers, digits and yes or no.

Whisper is made for windows of 30 s. Its encoder takes shorter ones, and its work shrinks with them: a window a few
seconds longer than the speech costs a quarter of the time and keeps the quality (`bench/transcription.py`).
"""

from __future__ import annotations

import ctranslate2
import numpy as np
from tokenizers import Tokenizer

from gateway.models import model_path
from gateway.providers.base import TranscriptHint
from gateway.providers.stt.log_mel import FRAMES_PER_SECOND, log_mel
from gateway.providers.stt.recogniser import MODEL_RATE, Hypothesis, Samples

_LONGEST_SECONDS = 30
_SPARE_SECONDS = 3
_SHORTEST_SECONDS = 6
_TOKENS_PER_SECOND = 8
_SHORTEST = MODEL_RATE // 10


class Whisper:
    """The loaded model.

    :param runs: how many threads may run it at once without waiting for each other
    :raises ModelError: a model file is missing or damaged
    """

    def __init__(self, *, threads: int = 1, runs: int = 1, beam: int = 5) -> None:
        folder = model_path("whisper-tiny.en")
        self._model = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=runs
        )
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._start = [self._token("<|startoftranscript|>"), self._token("<|notimestamps|>")]
        self._end = self._token("<|endoftext|>")
        self._beam = beam

    def recognise(self, samples: Samples, hint: TranscriptHint) -> Hypothesis:
        """Text of the first 30 s of a span of speech; empty for less than 100 ms."""
        if len(samples) < _SHORTEST:
            return Hypothesis("", 0.0)
        seconds = len(samples) / MODEL_RATE
        window = min(max(seconds + _SPARE_SECONDS, _SHORTEST_SECONDS), _LONGEST_SECONDS)
        features = log_mel(samples, int(window) * FRAMES_PER_SECOND)
        limit = int(seconds * _TOKENS_PER_SECOND) + 8
        (result,) = self._model.generate(
            ctranslate2.StorageView.from_array(np.ascontiguousarray(features[np.newaxis])),
            [self._start],
            beam_size=self._beam,
            max_length=limit + len(self._start),
            return_scores=True,
            suppress_blank=True,
        )
        tokens = result.sequences_ids[0]
        text = self._tokenizer.decode(tokens).strip()
        return Hypothesis(text, float(np.exp(result.scores[0])) if text else 0.0, len(tokens) < limit)

    def _token(self, text: str) -> int:
        number = self._tokenizer.token_to_id(text)
        assert number is not None, text
        return int(number)
