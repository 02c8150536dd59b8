from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.call import endings
from gateway.campaigns.campaign import retry_rule
from gateway.campaigns.retry import Outcome, outcome_of

ENDED = datetime(2026, 5, 4, 9, tzinfo=UTC)
RULE = retry_rule({"retry": {"attempts": 3, "after": {"busy": 60, "no-answer": 3600}}})


@pytest.mark.parametrize(
    ("reason", "answered", "outcome"),
    [
        (endings.CUSTOMER_BUSY, False, Outcome.BUSY),
        (endings.CUSTOMER_DID_NOT_ANSWER, False, Outcome.NO_ANSWER),
        (endings.OUTBOUND_FAILED, False, Outcome.FAILED),
        (endings.MANUALLY_CANCELED, False, Outcome.CANCELED),
        (endings.MANUALLY_CANCELED, True, Outcome.ANSWERED),
        (endings.CUSTOMER_ENDED, True, Outcome.ANSWERED),
        (endings.WORKER_DIED, True, Outcome.ANSWERED),
        ("voicemail", True, Outcome.VOICEMAIL),
        (endings.TRANSPORT_NEVER_CONNECTED, False, None),
    ],
)
def test_the_end_of_a_call_is_an_outcome(reason: str, answered: bool, outcome: Outcome | None) -> None:
    assert outcome_of(reason, answered=answered) is outcome


def test_each_outcome_has_its_delay_and_others_are_final() -> None:
    assert RULE.again_at(Outcome.BUSY, 1, ENDED) == ENDED + timedelta(minutes=1)
    assert RULE.again_at(Outcome.NO_ANSWER, 2, ENDED) == ENDED + timedelta(hours=1)
    assert RULE.again_at(Outcome.FAILED, 1, ENDED) is None
    assert RULE.again_at(Outcome.ANSWERED, 1, ENDED) is None


def test_after_the_last_attempt_nobody_is_called_again() -> None:
    assert RULE.again_at(Outcome.BUSY, 3, ENDED) is None
    assert retry_rule({}).again_at(Outcome.BUSY, 1, ENDED) is None
