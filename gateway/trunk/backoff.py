"""When to try a registration again: never giving up, never in step with the other clients of a registrar."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 2.0
LIMIT_SECONDS = 300.0
REFUSED_SECONDS = 60.0
"""A registrar that refused our credentials is asked less often: it locks out who insists."""

_REFUSED = frozenset({401, 403, 404, 407})


@dataclass(slots=True)
class RegistrationBackoff:
    """Delays after failed REGISTER requests: doubling from 2 s to 5 min (RFC 5626 section 4.5 in its shape)."""

    failures: int = 0

    def succeeded(self) -> None:
        """Registered: the next failure starts from the first delay again."""
        self.failures = 0

    def failed(self, status: int, *, chance: float, retry_after: int | None = None) -> float:
        """Seconds until the next attempt.

        :param status: of the last response, 408 or 503 when there was none
        :param chance: random, 0 to 1: spreads the delay over half to all of it
        :param retry_after: the registrar's own wish in seconds, a lower bound
        """
        first = REFUSED_SECONDS if status in _REFUSED else FIRST_SECONDS
        # the exponent is bounded because a float is not
        whole = min(LIMIT_SECONDS, first * 2.0 ** min(self.failures, 16))
        self.failures += 1
        delay = whole * (0.5 + 0.5 * chance)
        return max(delay, min(float(retry_after), 3600.0) + delay * 0.1) if retry_after else delay
