"""When to try a registration again: never giving up, never in step with the other clients of a registrar."""

from __future__ import annotations

from dataclasses import dataclass

BASE_SECONDS = 30.0
LIMIT_SECONDS = 1800.0
REFUSED_SECONDS = 540.0
"""A registrar that refused our credentials locks out who insists, and must be tried within ten minutes of the day on
which somebody corrects them."""

_REFUSED = frozenset({401, 403, 404, 407})
_LONGEST_WISH = 3600.0


def is_refusal(status: int) -> bool:
    """Whether a registrar said that it does not know us or our password, which asking again does not change."""
    return status in _REFUSED


@dataclass(slots=True)
class RegistrationBackoff:
    """Delays after failed REGISTER requests, doubling from 30 s to 30 min (RFC 5626 section 4.5)."""

    failures: int = 0

    def succeeded(self) -> None:
        """Registered: the next failure starts from the first delay again."""
        self.failures = 0

    def failed(self, status: int, *, chance: float, retry_after: int | None = None) -> float:
        """Seconds until the next attempt: half to all of the limit that the law sets, 60 to 100 % after a refusal, so
        that an hour has twelve attempts at most.

        :param status: of the last response, 408 or 503 when there was none
        :param chance: random, 0 to 1: spreads the delay
        :param retry_after: the registrar's own wish in seconds, a lower bound
        """
        if is_refusal(status):
            delay = REFUSED_SECONDS * (0.6 + 0.4 * chance)
        else:
            # the exponent is bounded because a float is not
            delay = min(LIMIT_SECONDS, BASE_SECONDS * 2.0 ** min(self.failures, 16)) * (0.5 + 0.5 * chance)
        self.failures += 1
        return max(delay, min(float(retry_after), _LONGEST_WISH) + delay * 0.1) if retry_after else delay
