"""The embedded recogniser: Whisper for what people say in a turn, Moonshine where Whisper cannot help.

Both take about as long for a turn (a tenth of a second a core). Through the telephone Whisper is the better one on
sentences and much the better one on digits and short answers; but it hears at most 28 s, and now and then repeats
itself or says nothing. Then Moonshine, whose window has no such end, is asked.
"""

from __future__ import annotations

import functools
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.providers.base import Transcriber, TranscriptHint
from gateway.providers.credentials import Credential
from gateway.providers.pools import cores, recognition_pool
from gateway.providers.stt.moonshine import Moonshine
from gateway.providers.stt.recogniser import MODEL_RATE, Hypothesis, Recogniser, Samples
from gateway.providers.stt.segment import SegmentTranscriber
from gateway.providers.stt.whisper import LONGEST_SECONDS, Whisper

_SURE = 0.6


class Options(BaseModel):
    """`model` is one of the two alone, or both. They speak English."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    model: Literal["embedded", "whisper", "moonshine"] = "embedded"
    language: str = Field(default="en", pattern="^en(-[A-Za-z]+)?$")


def make(options: Options, credential: Credential) -> Transcriber:
    """The transcriber; loads the models at the first call.

    :raises ModelError: a model file is missing or damaged
    """
    return SegmentTranscriber(embedded_recognisers()[options.model], recognition_pool(), model=options.model)


@functools.cache
def embedded_recognisers() -> dict[str, Recogniser]:
    """The recognisers of this process, by name; loaded at the first call.

    :raises ModelError: a model file is missing or damaged
    """
    moonshine, whisper = Moonshine(), Whisper(runs=cores())
    both = EmbeddedRecogniser(whisper, moonshine, longest_seconds=LONGEST_SECONDS)
    return {"embedded": both, "moonshine": moonshine, "whisper": whisper}


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
