"""When the fast VAD may pause playout. Pure."""

from __future__ import annotations

from collections.abc import Callable

REST_MS = 500
"""The fast VAD rests this long after a resume."""
MOST_DOUBLINGS = 3
"""Each further resume within an utterance doubles the rest, this many times at most."""


class PauseArming:
    """Tells the leg about changes only, and gives a noisy line a rest, so that it cannot make the agent stutter.

    :param arm: tells the leg
    """

    def __init__(self, arm: Callable[[bool], None]) -> None:
        self._arm = arm
        self._armed: bool | None = None
        self._rest_until_ms = 0
        self._resumes = 0

    def resumed(self, now_ms: int) -> None:
        """Playout went on after a pause: the same noise must not pause it at once."""
        self._rest_until_ms = now_ms + (REST_MS << min(self._resumes, MOST_DOUBLINGS))
        self._resumes += 1

    def next_utterance(self) -> None:
        """The count of resumes begins anew."""
        self._resumes = 0

    def rest_is_over(self, now_ms: int) -> bool:
        """True once, when a rest has ended."""
        over = 0 < self._rest_until_ms <= now_ms
        if over:
            self._rest_until_ms = 0
        return over

    def set(self, wanted: bool, now_ms: int) -> None:
        """What plays may be paused, or not."""
        armed = wanted and now_ms >= self._rest_until_ms
        if armed != self._armed:
            self._armed = armed
            self._arm(armed)
