"""Why a call ended."""

from __future__ import annotations

import pytest

from gateway.call import endings
from gateway.call.endings import of_leg
from gateway.call.leg import Direction


def of_refusal(status: int) -> str:
    return of_leg(Direction.OUTBOUND, answered=False, status=status, by_remote=True)


@pytest.mark.scenario("INV-19", peer="scripted party", transport="udp")
def test_every_final_status_has_a_stable_reason_in_vapis_words() -> None:
    reasons = {of_refusal(status) for status in range(300, 700)}
    assert reasons == {
        endings.CUSTOMER_BUSY,
        endings.CUSTOMER_DID_NOT_ANSWER,
        endings.OUTBOUND_FAILED,
        *(
            f"call.in-progress.error-providerfault-outbound-sip-{name}"
            for name in (
                "403-forbidden",
                "407-proxy-authentication-required",
                "408-request-timeout",
                "480-temporarily-unavailable",
                "503-service-unavailable",
            )
        ),
    }


@pytest.mark.parametrize(
    ("status", "word"),
    [(486, "busy"), (603, "busy"), (487, "did-not-answer"), (404, "outbound-call-failed"), (480, "480"), (599, "503")],
)
def test_a_status_is_told_by_the_word_that_fits(status: int, word: str) -> None:
    assert word in of_refusal(status)
