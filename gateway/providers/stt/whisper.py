"""Whisper tiny.en (int8 at run time, through CTranslate2): the embedded recogniser of a call's turns.

Whisper is made for windows of 30 s, but its encoder takes shorter ones, and its work shrinks with them. Measured
through the telephone (`bench/transcription.py`), a window of 15 s recognises as well as 30 s in a quarter of the time;
below that it begins to repeat short speech. When a number or a yes is expected, a prompt in that style raises the rate
of strings that are wholly right; it also makes other speech run away, so a text that does not fit is done again
without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import ctranslate2
import numpy as np
from tokenizers import Tokenizer

from gateway.models import model_path
from gateway.providers.base import TranscriptHint
from gateway.providers.stt.log_mel import FRAMES_PER_SECOND, log_mel
from gateway.providers.stt.recogniser import MODEL_RATE, Hypothesis, Samples
from gateway.providers.stt.sentence_ending import SentenceEnding

LONGEST_SECONDS = 28.0
"""Longer speech does not fit into the model's window."""
_WINDOW_SECONDS = 30
_SHORTEST_WINDOW_SECONDS = 15
_SPARE_SECONDS = 3
_TOKENS_PER_SECOND = 8
_SHORTEST = MODEL_RATE // 10
_NO_SPEECH = 0.68
"""Without it, the model says "thank you" to a cough. Of 195 spans of speech the highest probability was 0.63, of 36
of noise, tones, clicks, coughs and babble all but one were above 0.73."""
_NO_SPEECH_STYLED = 0.35
"""After a prompt the probabilities are lower: speech at most 0.17. Above this the plain decoding decides."""

_SURE = 0.8
"""A greedy text with this confidence is as good as that of beam search: of 55 sentences 72.7 % are exact with both, and
69.1 % when greedy texts are believed from 0.6 on."""

_NUMBER_WORD = re.compile(r"\d|\b(zero|one|two|three|four|five|six|seven|eight|nine|oh|double|triple)\b", re.IGNORECASE)
_WORD = re.compile(r"\d|[a-z']+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Style:
    """A prompt, and what a text must hold to be an answer in this style."""

    prompt: str
    fits: re.Pattern[str]


_STYLES = {
    "digits": _Style(
        " zero one two three four five six seven eight nine. four eight two one. seven three zero nine.", _NUMBER_WORD
    ),
    "yes-no": _Style(
        " Yes. No. Yes please. No thank you.",
        re.compile(r"\b(yes|yeah|yep|no|nope|right|correct|sure|okay)\b", re.IGNORECASE),
    ),
    "overlap": _Style(
        " Okay. Stop. Mm-hmm. Got it. Hold on. Yeah. No, wait. Uh-huh. Excuse me. I see. Right.",
        re.compile(
            r"\b(okay|ok|yes|yeah|yep|right|sure|uh|um|hm+|mm+|huh|i see|got it|stop|no|wait|hold on|hang on|"
            r"excuse me|actually|but)\b",
            re.IGNORECASE,
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class _Decoded(Hypothesis):
    """`no_speech` is the model's probability that there was none."""

    no_speech: float = 0.0


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
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._start = [self._token("<|startoftranscript|>"), self._token("<|notimestamps|>")]
        self._previous = self._token("<|startofprev|>")
        self._beam = beam
        self.ending = SentenceEnding(self.tokenizer)

    def recognise(self, samples: Samples, hint: TranscriptHint) -> Hypothesis:
        """Text of a span of speech; empty for less than 100 ms. What is over 28 s is not heard."""
        if len(samples) < _SHORTEST:
            return Hypothesis("", 0.0)
        seconds = min(len(samples) / MODEL_RATE, LONGEST_SECONDS)
        window = min(max(round(seconds) + _SPARE_SECONDS, _SHORTEST_WINDOW_SECONDS), _WINDOW_SECONDS)
        features = log_mel(samples, window * FRAMES_PER_SECOND)
        encoded = self._model.encode(ctranslate2.StorageView.from_array(features[np.newaxis]))
        limit = int(seconds * _TOKENS_PER_SECOND) + 8
        style = _STYLES.get(hint.expects)
        if style is not None and (styled := self._in_style(encoded, limit, style)) is not None:
            return styled
        heard = self._plainly(encoded, limit)
        if heard.no_speech > _NO_SPEECH:
            return Hypothesis("", 0.0)
        if style is None and _is_number(heard.text):
            number = self._decode(encoded, limit, _STYLES["digits"].prompt)
            if number.complete and _is_number(number.text) and not _is_doubled(number.text, heard.text):
                return replace(number, finished=heard.finished)
        return heard

    def _plainly(self, encoded: ctranslate2.StorageView, limit: int) -> _Decoded:
        """The text without a prompt: by greedy search when that is sure of itself, which is most of the time and a
        third cheaper, else by beam search."""
        (result,) = self._model.generate(
            encoded,
            [self._start],
            beam_size=1,
            max_length=limit + len(self._start),
            return_scores=True,
            return_no_speech_prob=True,
            return_logits_vocab=True,
        )
        quick = self._decoded(result, limit)
        finished = self.ending.finished(result.sequences_ids[0], result.logits[0]) if quick.complete else None
        sure = quick.complete and quick.confidence >= _SURE
        return replace(quick if sure else self._decode(encoded, limit), finished=finished)

    def _in_style(self, encoded: ctranslate2.StorageView, limit: int, style: _Style) -> _Decoded | None:
        """The text with a style's prompt; None when it is no answer in this style. Now and then the prompt makes the
        model say an answer twice: then the text without it is taken, if that is an answer too."""
        styled = self._decode(encoded, limit, style.prompt)
        if not (styled.complete and styled.no_speech < _NO_SPEECH_STYLED and style.fits.search(styled.text)):
            return None
        if _says_twice(styled.text):
            plain = self._decode(encoded, limit)
            if plain.complete and style.fits.search(plain.text) and _is_doubled(styled.text, plain.text):
                return plain
        return styled

    def _decode(self, encoded: ctranslate2.StorageView, limit: int, prompt: str = "") -> _Decoded:
        """The best text for encoded speech, at most `limit` tokens long."""
        start = self._start
        if prompt:
            start = [self._previous, *self.tokenizer.encode(prompt, add_special_tokens=False).ids, *start]
        (result,) = self._model.generate(
            encoded,
            [start],
            beam_size=self._beam,
            max_length=limit + len(start),
            return_scores=True,
            return_no_speech_prob=True,
        )
        return self._decoded(result, limit)

    def _decoded(self, result: ctranslate2.models.WhisperGenerationResult, limit: int) -> _Decoded:
        tokens = result.sequences_ids[0]
        text = self.tokenizer.decode(tokens).strip()
        confidence = float(np.exp(result.scores[0])) if text else 0.0
        return _Decoded(text, confidence, len(tokens) < limit, no_speech=result.no_speech_prob)

    def _token(self, text: str) -> int:
        number = self.tokenizer.token_to_id(text)
        assert number is not None, text
        return int(number)


def _is_number(text: str) -> bool:
    """At least two number words, and more of them than other words."""
    numbers = len(_NUMBER_WORD.findall(text))
    return numbers >= 2 and numbers > len(_WORD.findall(text)) / 2


def _is_doubled(styled: str, plain: str) -> bool:
    """The prompt, and not the caller, said it twice."""
    return _says_twice(styled) and not _says_twice(plain)


def _says_twice(text: str) -> bool:
    """The second half of the words repeats the first, of two words or more."""
    words = _WORD.findall(text.casefold())
    half = len(words) // 2
    return half > 1 and words == 2 * words[:half]
