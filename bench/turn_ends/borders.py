"""Where one word of a recording ends and the next begins.

Whisper's alignment of the known words gives each border to some 100 ms; the quietest 10 ms near it is the border. That
is where a caller who pauses would fall silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import ctranslate2
import numpy as np
from tokenizers import Tokenizer

from gateway.models import model_path
from gateway.providers.stt.log_mel import FRAMES_PER_SECOND, log_mel
from gateway.providers.stt.recogniser import MODEL_RATE
from gateway.providers.stt.segment import to_model_rate
from tests.peers.speech import RATE, Samples

FRAME = RATE // 100
"""Samples of 10 ms."""
_MOST_SECONDS = 20
_NEAR = 12
"""Frames to each side in which the border is looked for."""


def word_borders(samples: Samples, words: Sequence[str]) -> list[int]:
    """The sample at which each word ends but the last."""
    model, tokenizer = _aligner()
    pieces = [tokenizer.encode(f" {word}", add_special_tokens=False).ids for word in words]
    start = [tokenizer.token_to_id("<|startoftranscript|>"), tokenizer.token_to_id("<|notimestamps|>")]
    heard = to_model_rate(samples.astype("<i2").tobytes())[: _MOST_SECONDS * MODEL_RATE]
    features = log_mel(heard, _MOST_SECONDS * FRAMES_PER_SECOND)
    encoded = model.encode(ctranslate2.StorageView.from_array(features[np.newaxis]))
    frames = len(heard) * FRAMES_PER_SECOND // MODEL_RATE
    (aligned,) = model.align(encoded, start, [[token for piece in pieces for token in piece]], frames)
    first_frame: dict[int, int] = {}
    for token, frame in aligned.alignments:
        first_frame.setdefault(token, frame)
    ends = np.cumsum([len(piece) for piece in pieces])[:-1]
    quiet = levels(samples)
    return [_quietest(quiet, first_frame[int(token)] * 2) * FRAME for token in ends]


def levels(samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Root mean square of each 10 ms."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    rms: np.ndarray[tuple[int], np.dtype[np.float64]] = np.sqrt(np.mean(frames**2, axis=1))
    return rms


def _quietest(quiet: np.ndarray[tuple[int], np.dtype[np.float64]], near: int) -> int:
    """The middle of the quietest 30 ms near a frame."""
    smooth = np.convolve(quiet, np.ones(3) / 3, mode="same")
    first = max(1, near - _NEAR)
    return first + int(np.argmin(smooth[first : near + _NEAR]))


@cache
def _aligner() -> tuple[ctranslate2.models.Whisper, Tokenizer]:
    folder = model_path("whisper-tiny.en")
    model = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="int8", intra_threads=1)
    return model, Tokenizer.from_file(str(folder / "tokenizer.json"))
