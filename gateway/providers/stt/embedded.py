"""The embedded recogniser: Moonshine for ordinary speech, Whisper where Moonshine is known to be weak."""

from __future__ import annotations

from gateway.providers.base import TranscriptHint
from gateway.providers.stt.recogniser import MODEL_RATE, Hypothesis, Recogniser, Samples

_SHORT_SECONDS = 1.6
_DOUBTFUL = 0.55


class EmbeddedRecogniser:
    """Chooses between two recognisers by what is expected and by how sure the fast one is."""

    def __init__(self, fast: Recogniser, careful: Recogniser) -> None:
        self._fast = fast
        self._careful = careful

    def recognise(self, samples: Samples, hint: TranscriptHint) -> Hypothesis:
        """Text of a span of speech."""
        if hint.expects in ("digits", "yes-no") or len(samples) < _SHORT_SECONDS * MODEL_RATE:
            first, second = self._careful, self._fast
        else:
            first, second = self._fast, self._careful
        heard = first.recognise(samples, hint)
        if heard.text and heard.complete and heard.confidence >= _DOUBTFUL:
            return heard
        again = second.recognise(samples, hint)
        return max(
            heard, again, key=lambda hypothesis: (bool(hypothesis.text), hypothesis.complete, hypothesis.confidence)
        )
