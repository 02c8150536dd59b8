"""Workers die and stand still in the middle of a sentence: callers hear all of it, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.worker_loss import lose_workers, office

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("freeze", "rounds"),
    [
        pytest.param(False, 1, marks=pytest.mark.scenario("FLT-01", peer="scripted party", transport="udp")),
        pytest.param(True, 1, marks=pytest.mark.scenario("FLT-02", peer="scripted party", transport="udp")),
    ],
    ids=["killed", "frozen"],
)
async def test_a_caller_whose_worker_is_lost_hears_all_of_the_sentence_once(
    tmp_path: Path, freeze: bool, rounds: int
) -> None:
    async with office(tmp_path / "parley") as (product, crew):
        outcomes = [
            one for seed in range(rounds) for one in await lose_workers(product, crew, freeze=freeze, seed=seed)
        ]
    for one in outcomes:
        print(one)
    assert sum(one.losses for one in outcomes) >= 3 * rounds
    assert all(one.reason == "customer-ended-call" for one in outcomes)
    assert not any(one.missing for one in outcomes)
    assert all(len(one.repeated) <= one.losses for one in outcomes)
