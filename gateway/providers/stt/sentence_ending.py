"""Has the speaker finished? What Whisper's decoder expects after the last word tells.

The decoder has learnt from speech that was cut anywhere, and writes "..." or expects another word where a sentence
hangs in the air, by its sound and by its words. Which punctuation it chooses in the end says little (it puts a full
stop after nearly everything), the probabilities of what it did not choose say much: on speakers that the coefficients
were not fitted on, the area under the ROC curve between true ends and pauses inside a turn was 0.79, and 0.86 for the
human among them. The coefficients are a logistic regression on the tuning half of `bench.turn_ends`
(`python -m bench.turn_ends.fit`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import ctranslate2
import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

_LEAST = 1e-3
"""Probabilities below are taken for this."""
STOP, OPEN, WORD = 0.26, -0.71, -0.46
BIAS = -2.98
_PUNCTUATION = re.compile(r"[\s.,!?;:\u2026\u2013\u2014-]*")
_STOP = re.compile(r"\s*[.!?][\"']?")
_OPEN = re.compile(r"\s*(\.\.+|-+|\u2026|\u2013|\u2014)")


class SentenceEnding:
    """Knows which tokens end a sentence, leave it open, or go on with it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        texts = {number: tokenizer.decode([number]) for number in tokenizer.get_vocab().values()}
        self._silent = {number for number, text in texts.items() if _PUNCTUATION.fullmatch(text)}
        self._stops = np.array([number for number, text in texts.items() if text and _STOP.fullmatch(text)])
        self._open = np.array([number for number, text in texts.items() if _OPEN.fullmatch(text)])
        self._words = np.array(
            [number for number, text in texts.items() if number not in self._silent and text.strip()]
        )

    def finished(self, tokens: Sequence[int], logits: Sequence[ctranslate2.StorageView]) -> float | None:
        """The probability (0…1) that nothing follows, None for a text without words.

        :param tokens: the text as it was chosen
        :param logits: those of each of its tokens and of its end
        """
        last = len(tokens)
        while last and tokens[last - 1] in self._silent:
            last -= 1
        if not last or last >= len(logits):
            return None
        features = self.features(np.array(logits[last]).reshape(-1))
        return 1 / (1 + math.exp(-(BIAS + STOP * features[0] + OPEN * features[1] + WORD * features[2])))

    def features(self, logits: npt.NDArray[np.float32]) -> tuple[float, float, float]:
        """Logarithms of the probabilities that a stop, an open end and another word follow."""
        chances = np.exp(logits - logits.max())
        chances /= chances.sum()
        stop, hanging, word = (
            max(_LEAST, float(chances[which].sum())) for which in (self._stops, self._open, self._words)
        )
        return math.log(stop), math.log(hanging), math.log(word)
