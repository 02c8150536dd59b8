"""Calls that were refused: each is counted, some of them are told in the log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from gateway.errors import CallRefused
from gateway.observe import metrics

log = structlog.get_logger(__name__)

QUIET_SECONDS = 5.0
"""After a line about a reason, the next calls refused for it are only counted."""


@dataclass(slots=True)
class _Told:
    at: float
    untold: int = 0


class Refusals:
    """Of this process. For any thread: what two threads count in one instant may be one line too many.

    :param clock: seconds of any steady clock
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, _Told] = {}
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """Calls refused since the start, by reason."""
        return dict(self._counts)

    def add(self, refusal: CallRefused, *, caller: str, number: str) -> None:
        """A call was refused."""
        metrics.CALLS_REFUSED.labels(refusal.reason).inc()
        self._counts[refusal.reason] += 1
        now = self._clock()
        told = self._told.get(refusal.reason)
        if told is not None and now - told.at < QUIET_SECONDS:
            told.untold += 1
            return
        since = {"more_since_last_line": told.untold} if told is not None and told.untold else {}
        self._told[refusal.reason] = _Told(now)
        log.warning("call refused", caller=caller, number=number, kind=refusal.reason, reason=str(refusal), **since)
