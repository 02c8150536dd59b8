"""The embedded recogniser: Whisper for what people say in a turn, Moonshine where Whisper cannot help.

Both take about as long for a turn (a tenth of a second a core). Through the telephone Whisper is the better one on
sentences and much the better one on digits and short answers; but it hears at most 28 s, and now and then repeats
itself or says nothing. Then Moonshine, whose window has no such end, is asked.
"""

from __future__ import annotations

from gateway.providers.base import TranscriptHint
from gateway.providers.stt.recogniser import MODEL_RATE, Hypothesis, Recogniser, Samples

_SURE = 0.6


class EmbeddedRecogniser:
    """Two recognisers as one.

    :param longest_seconds: speech above this goes to `second` alone
    """

    def __init__(self, first: Recogniser, second: Recogniser, *, longest_seconds: float) -> None:
        self._first = first
        self._second = second
        self._longest = int(longest_seconds * MODEL_RATE)

    def recognise(self, samples: Samples, hint: TranscriptHint) -> Hypothesis:
        """Text of a span of speech. Where the first hears nothing the second must be sure; of two that have text, the
        one that ended by itself is taken, then the surer one."""
        if len(samples) > self._longest:
            return self._second.recognise(samples, hint)
        heard = self._first.recognise(samples, hint)
        if heard.text and heard.complete:
            return heard
        again = self._second.recognise(samples, hint)
        if not heard.text:
            return again if again.confidence >= _SURE else heard
        return max(heard, again, key=lambda one: (bool(one.text), one.complete, one.confidence))
