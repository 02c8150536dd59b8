"""The level of a frame in level.h."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from gateway.media.audio import FRAME_SAMPLES
from gateway.media.fast_vad import SILENCE_DB


def level_db(rings: ctypes.CDLL, frame: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
    rings.level_db.restype = ctypes.c_float
    return float(rings.level_db(ctypes.c_void_p(frame.ctypes.data)))


@pytest.mark.parametrize(("sample", "db"), [(0, SILENCE_DB), (1, -90.31), (3277, -20.0), (32767, 0.0), (-32768, 0.0)])
def test_a_steady_frame_has_the_level_of_its_samples(rings: ctypes.CDLL, sample: int, db: float) -> None:
    assert level_db(rings, np.full(FRAME_SAMPLES, sample, dtype=np.int16)) == pytest.approx(db, abs=0.01)


def test_one_sample_counts_for_its_share_of_the_frame(rings: ctypes.CDLL) -> None:
    frame = np.zeros(FRAME_SAMPLES, dtype=np.int16)
    frame[-1] = 32767
    assert level_db(rings, frame) == pytest.approx(-10 * np.log10(FRAME_SAMPLES), abs=0.01)
