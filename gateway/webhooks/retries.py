"""When a delivery that failed is tried again: by the server's backoffPlan, else until it is too old. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_DELAY_SECONDS = 3600.0
"""Doubling, a pause is never longer than the time that it did not work before."""
LONGEST_ASKED_SECONDS = 3600.0
"""A server may ask for no longer a pause (Retry-After)."""
_BASE_SECONDS = 1.0
_LARGEST = 1e9


@dataclass(frozen=True, slots=True)
class Retries:
    """`most` retries, or as many as fit in `seconds` after the message was made. Each waits `base_seconds`, and twice
    as long each further time where it is `doubling`. A status in `excluded` is final."""

    seconds: float
    most: int | None = None
    base_seconds: float = _BASE_SECONDS
    doubling: bool = True
    excluded: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def of(cls, server: Mapping[str, Any], seconds: float) -> Retries:
        """By Vapi's `backoffPlan`; what is not valid in it is as if it were not there.

        :param seconds: for how long a message is tried where the server has no plan
        """
        plan = server.get("backoffPlan")
        if not isinstance(plan, Mapping):
            return cls(seconds)
        codes = plan.get("excludedStatusCodes")
        return cls(
            seconds,
            most=int(_bounded(plan.get("maxRetries"), 0, 10, default=0)),
            base_seconds=_bounded(plan.get("baseDelaySeconds"), 0, 10, default=_BASE_SECONDS),
            doubling=plan.get("type") == "exponential",
            excluded=frozenset(int(code) for code in codes if _is_number(code))
            if isinstance(codes, list)
            else frozenset(),
        )

    def delay(
        self, attempts: int, *, age_seconds: float, status: int | None = None, asked_seconds: float | None = None
    ) -> float | None:
        """Seconds until the next attempt, None to give up.

        :param attempts: that were made, the first one included
        :param asked_seconds: what the server wants in Retry-After
        """
        if status is not None and status in self.excluded:
            return None
        if self.most is not None and attempts > self.most:
            return None
        delay = self.base_seconds * (2.0 ** min(attempts - 1, 30) if self.doubling else 1)
        delay = max(min(delay, LONGEST_DELAY_SECONDS), min(asked_seconds or 0, LONGEST_ASKED_SECONDS))
        too_old = self.most is None and age_seconds + delay > self.seconds
        return None if too_old else delay


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header (RFC 9110, section 10.2.3) asks for; None where it says nothing."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - now).total_seconds())


def _bounded(value: Any, least: float, most: float, *, default: float) -> float:
    return min(max(float(value), least), most) if _is_number(value) else default


def _is_number(value: Any) -> bool:
    """One that somebody means: JSON may hold some that are beyond all measure, and Python's own infinite ones."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST
