"""The registration at a trunk: what is known of it, and when the next attempt is due. No clock, no stack inside."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.trunk.backoff import RegistrationBackoff

_AGAIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RegistrationState:
    """The last that the registrar said: 0 as `status` before its first answer, as `expires_seconds` without success."""

    registered: bool
    status: int
    reason: str
    expires_seconds: int
    failures: int


@dataclass(slots=True)
class Registration:
    """One trunk's registration. Times are seconds of a monotonic clock that the caller reads.

    The stack refreshes a registration that stands; this decides only when to begin again after a failure.
    """

    state: RegistrationState = RegistrationState(False, 0, "", 0, 0)
    due_at: float | None = 0.0
    """When to send the next REGISTER, None while one is on its way or the registration stands."""
    _accepted_at: float = 0.0
    _backoff: RegistrationBackoff = field(default_factory=RegistrationBackoff)

    def take(self, now: float) -> bool:
        """Whether an attempt is due; when it is, it counts as begun."""
        if self.due_at is None or now < self.due_at:
            return False
        self.due_at = None
        return True

    def accepted(self, status: int, reason: str, expires_seconds: int, *, now: float) -> None:
        """The registrar accepted, and will keep it for `expires_seconds`."""
        self._backoff.succeeded()
        self._accepted_at = now
        self.due_at = None
        self.state = RegistrationState(True, status, reason, expires_seconds, 0)

    def failed(self, status: int, reason: str, *, now: float, chance: float, retry_after: int | None = None) -> float:
        """The attempt, or a refresh, failed; returns seconds until the next attempt."""
        delay = self._backoff.failed(status, chance=chance, retry_after=retry_after)
        self.due_at = now + delay
        self.state = RegistrationState(False, status, reason, 0, self._backoff.failures)
        return delay

    def lost(self, *, now: float, chance: float) -> None:
        """A connection that may have been the registrar's is gone: register again, spread over a second.

        Not sooner than 30 s after the last time, as anybody may open and close connections.
        """
        if self.state.registered:
            self.due_at = max(now, self._accepted_at + _AGAIN_SECONDS) + chance
