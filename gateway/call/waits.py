"""How long a caller's audio waits in the leg's jitter buffer, asked when it matters. Pure.

The buffer adapts, so what it is when a turn is taken is not what it was when the caller fell silent. The fast detector
tells of every silence; a leg is asked then, not more than once a second.
"""

from __future__ import annotations

from collections import deque

ASK_EVERY_MS = 1000
KEPT = 16


class Waits:
    """What the leg said at which moment of the call clock, ms."""

    def __init__(self) -> None:
        self._said: deque[tuple[int, float]] = deque(maxlen=KEPT)
        self._spoke = False
        self._asked_ms = -ASK_EVERY_MS

    def heard(self, at_ms: int, speech: bool) -> bool:
        """A tick with or without speech of the caller; True when the leg is to be asked."""
        silent, self._spoke = self._spoke and not speech, speech
        if not silent or at_ms - self._asked_ms < ASK_EVERY_MS:
            return False
        self._asked_ms = at_ms
        return True

    def said(self, at_ms: int, waited_ms: float | None) -> None:
        """The leg's answer to a question of `at_ms`."""
        if waited_ms is not None:
            self._said.append((at_ms, waited_ms))

    def near(self, at_ms: int) -> float:
        """What was said nearest to a moment; 0 when nothing was."""
        return min(self._said, key=lambda said: abs(said[0] - at_ms), default=(0, 0.0))[1]
