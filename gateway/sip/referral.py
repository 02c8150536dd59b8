"""What became of a REFER that a call has sent (RFC 3515): pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReferOutcome:
    """How a transfer by REFER ended, told once."""

    ok: bool
    detail: str


class Referral:
    """The last REFER of a call, until its outcome is known."""

    def __init__(self) -> None:
        self._open = False
        self._accepted = False
        self._given_up = False

    def sent(self) -> None:
        """Another one."""
        self._open, self._accepted, self._given_up = True, False, False

    def give_up(self) -> None:
        """Nobody waits for the outcome any more."""
        self._given_up = True

    def notified(self, status: int, reason: str, *, final: bool) -> ReferOutcome | None:
        """A NOTIFY or a response told of it; the outcome, when that was the last."""
        if not self._open:
            return None
        if not final:
            self._accepted = True
            return None
        self._open = False
        return ReferOutcome(200 <= status < 300, f"{status} {reason}")

    def call_ended(self, *, by_us: bool) -> ReferOutcome | None:
        """The call is over. Many PBXes hang up as soon as they have taken the call over, and never tell the outcome."""
        if not self._open or self._given_up:
            return None
        self._open = False
        return ReferOutcome(self._accepted and not by_us, "the call ended before its outcome came")
