"""smart-turn v3.2 (int8): whether a caller who fell silent has finished, by the sound of the last 8 s.

Whisper's encoder with a classifier, trained by Daily on turns of people. It hears the turn so far, padded in front with
zeros; the spectrogram is Whisper's, of samples that were brought to mean 0 and variance 1. Reference:
`pipecat/audio/turn/smart_turn/` of pipecat-ai 1.14.0.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

import numpy as np

from gateway.errors import ProviderTimeout
from gateway.models import model_path
from gateway.providers.onnx import open_session
from gateway.providers.stt.log_mel import FRAMES_PER_SECOND, log_mel
from gateway.providers.stt.recogniser import MODEL_RATE, Samples
from gateway.providers.stt.segment import to_model_rate

_SECONDS = 8
_WINDOW = _SECONDS * MODEL_RATE
_VARIANCE_FLOOR = 1e-7
LONGEST_SECONDS = 1.0
"""Later than that, most turns have been taken."""


class SmartTurn:
    """The loaded model; a `TurnDetector`. One object serves all calls of a process.

    :raises ModelError: the model file is missing or damaged
    """

    def __init__(self, executor: Executor) -> None:
        self._session = open_session(model_path("smart-turn") / "smart-turn.onnx")
        self._executor = executor

    async def judge(self, pcm: bytes) -> float:
        """The probability that the turn is over. :raises ProviderTimeout: the machine is too busy to say it in time"""
        work = asyncio.get_running_loop().run_in_executor(self._executor, self.probability, pcm)
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return await work
        except TimeoutError:
            raise ProviderTimeout(f"smart-turn did not judge within {LONGEST_SECONDS:g} s.") from None

    def probability(self, pcm: bytes) -> float:
        """As `judge`, in this thread."""
        features = log_mel(_normalised(to_model_rate(pcm)), _SECONDS * FRAMES_PER_SECOND)
        (result,) = self._session.run(None, {"input_features": features[np.newaxis]})
        return float(result.reshape(-1)[0])


def _normalised(samples: Samples) -> Samples:
    """The last 8 s, padded in front, with mean 0 and variance 1."""
    latest = samples[-_WINDOW:]
    padded = np.pad(latest, (_WINDOW - len(latest), 0))
    scaled: Samples = ((padded - padded.mean()) / np.sqrt(padded.var() + _VARIANCE_FLOOR)).astype(np.float32)
    return scaled
