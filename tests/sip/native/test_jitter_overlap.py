"""Two passages that become one (overlap.h)."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

FRAME = 160
Pcm = NDArray[np.int16]


def _pointer(pcm: Pcm) -> ctypes.c_void_p:
    return ctypes.c_void_p(pcm.ctypes.data)


def joined(library: ctypes.CDLL, begin: Pcm, end: Pcm) -> Pcm:
    result = begin.copy()
    library.join(_pointer(result), _pointer(end), len(result))
    return result


def inaudible(library: ctypes.CDLL, one: Pcm, other: Pcm, loud: float) -> bool:
    return bool(library.is_inaudible(_pointer(one), _pointer(other), len(one), ctypes.c_int64(int(loud))))


def tone(hertz: float, *, level: float = 8000, start: int = 0) -> Pcm:
    wave: Pcm = (level * np.sin(2 * np.pi * hertz * (start + np.arange(FRAME)) / 8000)).astype(np.int16)
    return wave


@given(st.integers(0, 1 << 32), st.integers(1, 960))
def test_the_ends_are_those_of_the_passages_and_nothing_is_louder(jitter: ctypes.CDLL, seed: int, count: int) -> None:
    chance = np.random.default_rng(seed)
    begin, end = (chance.integers(-32768, 32768, count).astype(np.int16) for _ in range(2))
    result = joined(jitter, begin, end)
    assert result[0] == begin[0]
    assert abs(int(result[-1]) - int(end[-1])) <= 65536 // count + 1
    assert (result >= np.minimum(begin, end)).all()
    assert (result <= np.maximum(begin, end)).all()


def test_passages_that_are_the_same_stay_as_they_are(jitter: ctypes.CDLL) -> None:
    assert (joined(jitter, tone(440), tone(440)) == tone(440)).all()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (tone(300, level=30), tone(500, level=30), True),
        (tone(200), tone(200, start=FRAME), True),
        (tone(200), tone(200, start=FRAME + 20), False),
        (tone(200), tone(310), False),
        (tone(200, level=300), tone(310, level=300), True),
    ],
    ids=["pause", "same tone in phase", "same tone out of phase", "other tone", "quiet beside the speech"],
)
def test_a_step_is_taken_where_nobody_hears_it(jitter: ctypes.CDLL, one: Pcm, other: Pcm, expected: bool) -> None:
    assert inaudible(jitter, one, other, loud=6000.0**2) is expected
