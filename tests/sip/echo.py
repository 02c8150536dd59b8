"""Whether what we say comes back from the far end's echo, judged piece by piece."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from gateway.call.leg import Leg
from gateway.media.audio import FRAME_SAMPLES, ms_to_samples
from tests.sip.exchange import Told

ROUNDS, ROUND_MS = 2, 3_500
"""What is said is as long as what a leg's ring takes, and said anew: a handshake of keys may take the first seconds."""
WINDOW = ms_to_samples(100)
WANTED = 5
"""Windows that must come back one after the other."""
LATEST = ms_to_samples(1_000)
"""How late an echo may be."""
ALIKE = 0.9
"""Of 1: two codecs on the way leave 0.99 of a noise, one lost packet of five less than 0.9, another noise 0.2."""

Samples = NDArray[np.float64]


def noise(milliseconds: int, seed: int) -> NDArray[np.int16]:
    """A noise as low as a voice, and as loud. It never repeats: no other part of it is like a window of it."""
    white = np.random.default_rng(seed).normal(size=ms_to_samples(milliseconds) + 3)
    result: NDArray[np.int16] = (
        (6000 * np.convolve(white, np.full(4, 0.5), "valid")).clip(-32000, 32000).astype(np.int16)
    )
    return result


def likeness(window: Samples, heard: Samples) -> float:
    """The greatest normalised correlation of a window with as much of what was heard: 1 where it is the same."""
    if len(heard) < len(window):
        return 0.0
    sums = np.concatenate(([0.0], np.cumsum(np.square(heard))))
    energies = (sums[len(window) :] - sums[: -len(window)]).clip(1.0) * np.square(window).sum()
    return float((np.correlate(heard, window, "valid") / np.sqrt(energies)).max())


class Echo:
    """Looks for each window of what is said in what is heard from then on."""

    def __init__(self, said: Samples) -> None:
        windows = [said[at : at + WINDOW] for at in range(0, len(said) - WINDOW + 1, WINDOW)]
        self._pending = deque(enumerate(windows))
        self._row = 0

    def is_in(self, heard: Samples) -> bool:
        """Whether enough windows in a row are in what was heard so far, since the first sample was said."""
        while self._pending and self._row < WANTED:
            number, window = self._pending[0]
            first, last = number * WINDOW, (number + 1) * WINDOW + LATEST
            if likeness(window, heard[first:last]) > ALIKE:
                self._row += 1
            elif len(heard) >= last:
                self._row = 0
            else:
                break
            self._pending.popleft()
        return self._row >= WANTED


async def echoed(leg: Leg, told: Told) -> bool:
    """Whether half a second of what we say comes back without a gap: audio in both directions."""
    leg.arm_pause(False)  # the echo is speech over ours
    for number in range(1, ROUNDS + 1):
        said, first = noise(ROUND_MS, number), len(told.frames)
        leg.play(number, 0, said.tobytes(), final=True)
        echo = Echo(said.astype(np.float64))
        for frames in range(5, (len(said) + LATEST) // FRAME_SAMPLES + 1, 5):
            await told.until(lambda one, count=first + frames: len(one.frames) >= count, "audio")  # type: ignore[misc]
            if echo.is_in(_heard(told, first)):
                leg.flush()
                return True
    return False


def _heard(told: Told, first: int) -> Samples:
    return np.frombuffer(b"".join(frame.caller for frame in told.frames[first:]), np.int16).astype(np.float64)
