"""Which process is killed when, by a seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PAUSE_SECONDS = (0.0, 0.8)
"""An api needs about half a second until it takes events: it is killed while it begins, too."""
DOWN_SECONDS = (0.0, 0.3)


@dataclass(frozen=True, slots=True)
class Kill:
    """After `pause_seconds` these parts are killed at once, and are down for `down_seconds`."""

    pause_seconds: float
    parts: Sequence[str]
    down_seconds: float


def kills(seed: int, count: int, parts: Sequence[str]) -> Iterator[Kill]:
    """`count` kills of parts; one in four takes two of them at the same time, where there are several.

    :param parts: one that stands there twice is killed twice as often
    """
    source = random.Random(seed)
    left = count
    while left > 0:
        chosen = {source.choice(parts)}
        if left > 1 and source.random() < 0.25:
            chosen.add(source.choice(parts))
        left -= len(chosen)
        yield Kill(source.uniform(*PAUSE_SECONDS), sorted(chosen), source.uniform(*DOWN_SECONDS))
