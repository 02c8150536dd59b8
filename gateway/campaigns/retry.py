"""Whether somebody is called again, and when. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.call.endings import CUSTOMER_BUSY, CUSTOMER_DID_NOT_ANSWER, MANUALLY_CANCELED, TRANSPORT_NEVER_CONNECTED

VOICEMAIL = "voicemail"


class Outcome(StrEnum):
    """What became of calling somebody. The first four may be tried again."""

    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    VOICEMAIL = "voicemail"
    ANSWERED = "answered"
    CANCELED = "canceled"
    LATE = "too-late"
    """schedulePlan.latestAt came first."""
    FORBIDDEN = "do-not-call"


RETRIED = (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED, Outcome.VOICEMAIL)
"""Outcomes that a rule may name."""


@dataclass(frozen=True, slots=True)
class RetryRule:
    """:param attempts: calls in all
    :param after: how long after an outcome the next call begins; one that is not named is final
    """

    attempts: int = 1
    after: Mapping[Outcome, timedelta] = field(default_factory=dict)

    def again_at(self, outcome: Outcome, attempts: int, ended_at: datetime) -> datetime | None:
        """When the next call may begin; None when there is none.

        :param attempts: calls that were made
        """
        wait = self.after.get(outcome)
        return None if wait is None or attempts >= self.attempts else ended_at + wait


NO_RETRY = RetryRule()


def outcome_of(ended_reason: str | None, *, answered: bool) -> Outcome | None:
    """What a call came to that has ended.

    :param answered: it was; by a machine perhaps
    :returns: None when no gateway had the call, so that nobody was called
    """
    if ended_reason == VOICEMAIL:
        return Outcome.VOICEMAIL
    if answered:
        return Outcome.ANSWERED
    if ended_reason == TRANSPORT_NEVER_CONNECTED:
        return None
    known = {
        CUSTOMER_BUSY: Outcome.BUSY,
        CUSTOMER_DID_NOT_ANSWER: Outcome.NO_ANSWER,
        MANUALLY_CANCELED: Outcome.CANCELED,
    }
    return known.get(ended_reason or "", Outcome.FAILED)
