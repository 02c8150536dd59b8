"""What a recogniser does: one span of speech in, one hypothesis out. It runs in a thread of the recognition pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.providers.base import TranscriptHint

MODEL_RATE = 16000
"""Hz: the rate of the samples that a recogniser takes."""

Samples = npt.NDArray[np.float32]
"""Mono audio at 16000 Hz, -1…1."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What was heard. `confidence` is the geometric mean of the token probabilities, 0 when nothing was heard.
    `complete` is False when the recogniser ran into its length limit: it was probably repeating itself. `finished` is
    the probability that the speaker has finished, None from a recogniser that cannot tell."""

    text: str
    confidence: float
    complete: bool = True
    finished: float | None = None


class Recogniser(Protocol):
    """Blocking; safe to be run by several threads at once."""

    def recognise(self, samples: Samples, hint: TranscriptHint) -> Hypothesis:
        """Text of a span of speech.

        :raises ModelError: a model file is missing or damaged
        """
        ...
