"""The accounts at one registrar: who may register next, and when the registrar is asked whether it is back.

A registrar that returns from an outage finds all its clients waiting. So REGISTER requests leave one after the other,
ten a second at most, and while nobody answers, accounts wait ever longer but one OPTIONS asks every 15 s; its answer
releases them. No clock, no stack inside: times are seconds of a monotonic clock that the caller reads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from gateway.trunk.registration import Registration

REQUESTS_PER_SECOND = 10
PROBE_SECONDS = 15.0

_MARGIN = 1.2
"""What is sent on time may arrive in a bunch."""
CHALLENGED = 2
"""Requests that an attempt takes when the registrar asks for credentials first."""
_ON_THE_WAY = 4
"""Attempts that wait for their answers at once while nothing is known to be wrong; one when the registrar is silent."""
_LATE_SECONDS = 0.45
"""After which a request over UDP is sent again: what is answered later has come at the registrar only now."""
_TRUSTED_AFTER = 3
"""Attempts in a row that took one request, after which the next is expected to take one too."""


@dataclass(slots=True)
class Registrar:
    """Registrations by the name of their trunk."""

    registrations: dict[str, Registration] = field(default_factory=dict)
    _free_at: float = 0.0
    _unchallenged: int = 0
    """How many attempts in a row took one request only."""
    _probe_at: float | None = None
    _probing: bool = False
    _silent: bool = False
    """Whether a probe went unanswered: only then does an answer mean that the registrar has returned."""
    _look_at: float = 0.0
    """Nothing is due before; looked for again after each event."""

    def add(self, name: str, registration: Registration) -> None:
        """An account that registers here."""
        self.registrations[name] = registration
        self._look_at = 0.0

    def remove(self, name: str) -> None:
        """An account that does no longer."""
        self.registrations.pop(name, None)

    def take(self, now: float) -> str | None:
        """The account that registers now, if any may; the attempt counts as begun."""
        if now < self._look_at:
            return None
        due = [(one.due_at, name) for name, one in self.registrations.items() if one.due_at is not None]
        # over UDP each attempt that waits for an answer is repeated, and answered when the registrar returns
        limit = _ON_THE_WAY if self._probe_at is None else 1
        waiting = [one.on_the_way_seconds(now) for one in self.registrations.values() if one.on_the_way(now)]
        if len(waiting) >= limit:
            return None
        due_at, name = min(due, default=(math.inf, ""))
        self._look_at = max(due_at, self._free_at)
        if now < self._look_at or not self.registrations[name].take(now):
            return None
        self._free_at = now + _seconds(self._expected, late=sum(one > _LATE_SECONDS for one in waiting))
        self._look_at = 0.0
        return name

    def take_probe(self, now: float) -> bool:
        """Whether the registrar is asked now whether it is back."""
        if self._probe_at is None or now < self._probe_at:
            return False
        self._silent = self._silent or self._probing
        self._probing = True
        self._probe_at = now + PROBE_SECONDS
        return True

    def changed(self) -> None:
        """A registration was given another time from outside."""
        self._look_at = 0.0

    def located(self, *, now: float) -> None:
        """Its addresses are known: nobody need wait for them any longer."""
        for one in self.registrations.values():
            one.hastened(now=now)
        self._release(now)

    def answered(self, *, now: float, requests: int, waited: float = 0.0) -> None:
        """The registrar accepted an account, after that many requests: it helps again, and the others may try.

        :param waited: seconds since the attempt was begun
        """
        # a registrar whose nonces age at once must not stop all its accounts
        requests = min(max(requests, 1), CHALLENGED)
        self._free_at += _seconds(max(0, requests - self._expected))
        if waited > _LATE_SECONDS:
            self._free_at = max(self._free_at, now + _seconds(requests))
        self._unchallenged = self._unchallenged + 1 if requests < CHALLENGED else 0
        self._release(now)

    def unanswered(self, *, now: float) -> None:
        """Nobody answered an account."""
        self._look_at = 0.0
        if self._probe_at is None:
            self._probe_at, self._probing, self._silent = now, False, False

    def probe_answered(self, *, now: float) -> None:
        """Somebody answered the OPTIONS. What that one says does not matter: it is there."""
        if self._silent:
            self._release(now)
        self._probe_at, self._probing, self._silent = None, False, False

    @property
    def _expected(self) -> int:
        return 1 if self._unchallenged >= _TRUSTED_AFTER else CHALLENGED

    def _release(self, now: float) -> None:
        for one in self.registrations.values():
            one.released(now=now)
        self._probe_at, self._probing, self._silent = None, False, False
        self._look_at = 0.0


def _seconds(requests: int, *, late: int = 0) -> float:
    """How long so many requests take of the registrar's time.

    :param late: attempts that may be answered, and so challenged, in any moment beside them
    """
    return requests * _MARGIN / max(1, REQUESTS_PER_SECOND - late * CHALLENGED)
