"""Callers who give up at the instant of the answer leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.cancel_race import race

pytestmark = [pytest.mark.timeout(180), pytest.mark.scenario("INV-11", peer="hasty callers", transport="udp")]


async def test_a_cancel_around_the_answer_leaves_no_call_and_exactly_one_record(tmp_path: Path) -> None:
    outcome = await race(tmp_path, calls=200, rate=40)
    assert outcome.clean, outcome
    assert outcome.finals[487]
    assert set(outcome.finals) == {200, 487}


@pytest.mark.long
async def test_two_thousand_calls_leave_nothing(tmp_path: Path) -> None:
    outcome = await race(tmp_path, calls=2000, rate=40)
    assert outcome.clean, outcome
