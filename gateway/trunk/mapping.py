"""The address that a registrar sees us at, which a NAT may change at any time. No clock inside.

An OPTIONS every 20 s is answered with the address that it came from (RFC 3581). Another address than last time is the
new mapping of a NAT: what is registered no longer leads to us.
"""

from __future__ import annotations

from dataclasses import dataclass

ASK_SECONDS = 20.0


@dataclass(slots=True)
class Mapping:
    """Times are seconds of a monotonic clock that the caller reads."""

    _ask_at: float = 0.0
    _seen: str = ""

    def take(self, now: float) -> bool:
        """Whether to ask now."""
        if now < self._ask_at:
            return False
        self._ask_at = now + ASK_SECONDS
        return True

    def answered(self, seen: str) -> bool:
        """An answer came; True when we are seen at another address than before.

        :param seen: host:port that the question came from, empty when the answer does not tell
        """
        moved = bool(seen and self._seen and seen != self._seen)
        self._seen = seen or self._seen
        return moved
