"""The registration at a trunk: what is known of it, and when the next REGISTER is due. No clock, no stack inside."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.trunk.backoff import RegistrationBackoff, is_refusal

_LATE = 0.92
_AGAIN_SECONDS = 30.0
_ANSWER_SECONDS = 40.0
_REFRESH_EARLIEST, _REFRESH_LATEST = 0.6, 0.85
"""Parts of the granted time after which a registration is refreshed: time is left for a second attempt."""


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
    """One trunk's registration. Times are seconds of a monotonic clock that the caller reads."""

    state: RegistrationState = RegistrationState(False, 0, "", 0, 0)
    due_at: float | None = 0.0
    """When to send the next REGISTER, None while one is on its way."""
    waits_for_registrar: bool = False
    """Whether the last attempt failed because nobody answered, or somebody who could not help."""
    _begun_at: float = 0.0
    _told_held: bool = False
    _accepted_at: float = 0.0
    _backoff: RegistrationBackoff = field(default_factory=RegistrationBackoff)

    @property
    def accepted_at(self) -> float:
        """When the registrar accepted last, 0 before."""
        return self._accepted_at

    def take(self, now: float) -> bool:
        """Whether an attempt is due; when it is, it counts as begun."""
        if self.due_at is None or now < self.due_at:
            return False
        self.due_at, self._begun_at = None, now
        return True

    def on_the_way(self, now: float) -> bool:
        """Whether an attempt waits for its answer, which comes within 32 s or never."""
        return self.due_at is None and now < self._begun_at + _ANSWER_SECONDS

    def on_the_way_seconds(self, now: float) -> float:
        """Since when it does."""
        return now - self._begun_at

    def accepted(self, status: int, reason: str, expires_seconds: int, *, now: float, chance: float) -> None:
        """The registrar accepted, and will keep it for `expires_seconds`; `chance` is random, 0 to 1."""
        self._backoff.succeeded()
        self._accepted_at, self._told_held = now, False
        self.waits_for_registrar = False
        self.due_at = now + expires_seconds * (_REFRESH_EARLIEST + (_REFRESH_LATEST - _REFRESH_EARLIEST) * chance)
        self.state = RegistrationState(True, status, reason, expires_seconds, 0)

    def failed(self, status: int, reason: str, *, now: float, chance: float, retry_after: int | None = None) -> float:
        """The attempt, or a refresh, failed; returns seconds until the next attempt."""
        delay = self._backoff.failed(status, chance=chance, retry_after=retry_after)
        self.due_at = now + delay
        # who asks for patience gets it
        self.waits_for_registrar = not is_refusal(status) and retry_after is None
        self.state = RegistrationState(False, status, reason, 0, self._backoff.failures)
        return delay

    def moved(self, *, now: float) -> None:
        """The attempt failed, and another host of the registrar is there to be tried at once."""
        self.due_at = now

    def moved_away(self, *, now: float) -> None:
        """What is registered no longer leads to us: register again, where that is not under way."""
        if self.state.registered and self.due_at is not None:
            self.due_at = min(self.due_at, now)

    def is_held(self, now: float) -> bool:
        """Whether the refresh is late because others go first, told once for each time that was granted."""
        late = self.state.registered and now >= self._accepted_at + _LATE * self.state.expires_seconds
        if self._told_held or not late or self.due_at is None:
            return False
        self._told_held = True
        return True

    def lapsed(self, now: float) -> bool:
        """Whether the time that was granted is over, told once: the registrar no longer knows us."""
        if not self.state.registered or now < self._accepted_at + self.state.expires_seconds:
            return False
        self.state = RegistrationState(False, self.state.status, "expired", 0, self.state.failures)
        return True

    def granted_seconds(self, now: float) -> float:
        """How much is left of the time that was granted; 0 without a registration."""
        left = self._accepted_at + self.state.expires_seconds - now
        return max(0.0, left) if self.state.registered else 0.0

    def next_try_seconds(self, now: float) -> float | None:
        """Until the next REGISTER is due, 0 for one that waits for its turn; None while one is on its way."""
        due_at = self.due_at
        return None if due_at is None else max(0.0, due_at - now)

    def hastened(self, *, now: float) -> None:
        """What the first attempt waited for is there."""
        if self.due_at is not None and not self.state.status:
            self.due_at = min(self.due_at, now)

    def released(self, *, now: float) -> None:
        """The registrar is back: what waits for it need wait no longer."""
        if self.waits_for_registrar and self.due_at is not None:
            self.waits_for_registrar = False
            self.due_at = min(self.due_at, now)

    def flow_lost(self, *, now: float) -> None:
        """The connection leads nowhere: nobody can call by it, and no attempt over it was ever answered."""
        if self.due_at is not None:
            self.due_at = min(self.due_at, now)

    def lost(self, *, now: float, chance: float) -> None:
        """A connection that may have been the registrar's is gone: register again, spread over a second.

        Not sooner than 30 s after the last time, as anybody may open and close connections.
        """
        if self.state.registered and self.due_at is not None:
            self.due_at = min(self.due_at, max(now, self._accepted_at + _AGAIN_SECONDS) + chance)
