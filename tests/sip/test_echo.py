"""Tests of calls believe `echo`: what it takes for an echo, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sip.echo import WANTED, WINDOW, Echo, Samples, noise
from tests.sip.voice import voice

SAID: Samples = noise(1_500, 1).astype(np.float64)


def line(*parts: Samples) -> Samples:
    """What comes back: these one after the other, under the noise of a line."""
    whole = np.concatenate(parts)
    return whole + np.random.default_rng(9).normal(scale=20, size=len(whole))


def silence(samples: int) -> Samples:
    return np.zeros(samples)


@pytest.mark.parametrize(("late", "gain"), [(0, 1.0), (1_234, 0.05), (7_000, 2.0)])
def test_an_echo_is_known_whenever_it_comes_and_however_loud(late: int, gain: float) -> None:
    assert Echo(SAID).is_in(line(silence(late), gain * SAID))


@pytest.mark.parametrize("step", [160, 800, 1_111])
def test_it_is_known_as_it_comes(step: int) -> None:
    heard, echo = line(silence(400), SAID), Echo(SAID)
    known = [end for end in range(step, len(heard), step) if echo.is_in(heard[:end])]
    assert known[0] <= 400 + WANTED * WINDOW + step


def test_what_began_late_counts_from_then_on() -> None:
    assert Echo(SAID).is_in(line(silence(4_000), SAID[4_000:], silence(8_000)))


@pytest.mark.parametrize(
    "heard",
    [
        pytest.param(silence(20_000), id="silence"),
        pytest.param(noise(2_500, 2).astype(np.float64), id="another noise"),
        pytest.param(voice(2_500, amplitude=30_000).astype(np.float64), id="a loud voice"),
        pytest.param(np.concatenate((silence(9_000), SAID)), id="too late"),
    ],
)
def test_what_is_no_echo(heard: Samples) -> None:
    assert not Echo(SAID).is_in(line(heard))


def test_an_echo_with_gaps_is_none() -> None:
    """Every third packet is lost for good: no half second came back whole."""
    broken = SAID.copy()
    for at in range(0, len(broken), 3 * 160):
        broken[at : at + 160] = 0
    assert not Echo(SAID).is_in(line(broken, silence(9_000)))
