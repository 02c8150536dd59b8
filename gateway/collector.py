"""How Python's collector of cycles is set in a process that takes calls for months.

A call is a net of objects that know each other: what is left of it when it is over is freed by the collector alone, and
as it was longer there than a moment, by a full collection. With Python's own settings some 500 calls wait for one, and
the first comes only when a quarter of what start-up made is new.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, FULL = 700, 10, 2
"""Objects that are new between collections of these, and how many of each until the next one looks at more: Python's
own, but for the last, which is 10. A full collection comes after at most 700 * 11 * 3 objects: what about 120 short
calls leave, some MB, and 5 ms of work."""


def settle() -> None:
    """Start-up is over: what it made lives as long as the process, and no later collection looks at it."""
    gc.collect()
    gc.freeze()
    # A full collection waits until a quarter of what the one before found is new: it should find nothing.
    gc.collect()
    gc.set_threshold(YOUNG, MIDDLE, FULL)
