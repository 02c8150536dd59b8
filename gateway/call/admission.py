"""Whether one more call is taken, so that those that are up are not hurt by it. Pure.

Two threads ask: the SIP owner thread for each INVITE, before anything is made for it, and the event loop for calls that
begin otherwise. Neither waits for the other; what two calls of one instant could take together is one token too many.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from gateway.call.strain import Measure, Strain
from gateway.errors import CallRate, CallRefused, Draining, NoWorker, OverCapacity, Overloaded
from gateway.settings import Settings

SHORTEST_SECONDS, LONGEST_SECONDS = 5, 30
"""Of Retry-After: spread, so that those who were refused together do not come back together."""


def retry_seconds(chance: Callable[[], float] = random.random) -> int:
    """For Retry-After."""
    return SHORTEST_SECONDS + int(chance() * (LONGEST_SECONDS - SHORTEST_SECONDS + 1))


@dataclass(frozen=True, slots=True)
class Occupancy:
    """What is in use when one more call comes.

    :param calls: places in use, of calls that ring or end, too
    :param slots: calls that the workers would take besides those that they have and those on their way to them; None
        where nobody asks
    """

    calls: int
    slots: int | None = None


class CallRateLimit:
    """A token bucket.

    :param per_second: calls that may begin in the long run, None for any number
    :param burst: calls that may begin at once
    """

    def __init__(self, per_second: float | None, burst: int) -> None:
        self._per_second = per_second
        self._burst = max(1, burst)
        self._tokens = float(self._burst)
        self._at = 0.0

    def admit(self, now: float) -> None:
        """One more call begins. :param now: seconds of any steady clock :raises CallRate: it may not yet"""
        if self._per_second is None:
            return
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            raise CallRate(
                f"More than {self._per_second:g} calls begin in a second; admission.calls_per_second allows no more."
            )
        self._tokens -= 1


class Admission:
    """Places for calls.

    :param places: calls at most, those that still ring or end included
    :param strain: what the machine suffers from
    :param chance: draws Retry-After, 0 to 1
    """

    def __init__(
        self,
        places: int,
        rate: CallRateLimit | None = None,
        strain: Strain | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._places = places
        self._rate = rate or CallRateLimit(None, 1)
        self._chance = chance
        self.strain = strain or Strain()
        self.draining = False
        self.file_places: int | None = None
        """Calls at most for which files can be opened, None while that is not known."""

    def admit(self, calls: int) -> None:
        """Let one more in besides `calls`, whose arrival `begin` has allowed.

        :raises Draining: when this gateway is going down
        :raises OverCapacity: when all places are taken
        """
        if self.draining:
            raise self._later(Draining("This gateway takes no new calls."))
        if calls >= self._places:
            raise self._later(OverCapacity(f"All {self._places} places for calls are taken."))

    def begin(self, occupancy: Occupancy, now: float) -> None:
        """One more call arrives, or is to be made.

        :param now: seconds of any steady clock
        :raises CallRefused: with the first reason why it is not
        """
        self.admit(occupancy.calls)
        if self.file_places is not None and occupancy.calls >= self.file_places:
            raise self._later(
                Overloaded("Too few files can be opened; raise RLIMIT_NOFILE.", reason="file-descriptors")
            )
        if (suffering := self.strain.reason) is not None:
            raise self._later(suffering)
        if occupancy.slots is not None and occupancy.slots <= 0:
            raise self._later(NoWorker("No worker has room for another call."))
        try:
            self._rate.admit(now)
        except CallRate as refusal:
            raise self._later(refusal) from None

    def _later(self, refusal: CallRefused) -> CallRefused:
        refusal.retry_after = retry_seconds(self._chance)
        return refusal


def admission_of(settings: Settings) -> Admission:
    """With the limits of the settings."""
    limits = settings.admission
    measured = {
        Measure.PROCESSOR: limits.processor,
        Measure.MEMORY: limits.memory,
        Measure.MEDIA_CLOCK: limits.media_late_ms,
        Measure.EVENT_LOOP: limits.loop_late_ms,
        Measure.RTP_PORTS: 1.0,
    }
    limited = {measure: limit for measure, limit in measured.items() if limit is not None}
    strain = Strain({**limited, Measure.JOURNALS: 1.0})
    return Admission(settings.capacity, CallRateLimit(limits.calls_per_second, limits.burst), strain)
