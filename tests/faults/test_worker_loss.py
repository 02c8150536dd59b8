"""Workers die and stand still in the middle of a sentence: callers hear all of it, once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.counting import booking_assistant, counting_assistant
from tests.faults.effects import EffectServer
from tests.faults.worker_loss import Fate, Outcome, Round, lose_workers, office

pytestmark = [
    pytest.mark.interop,
    pytest.mark.scenario("FLT-01", peer="scripted party", transport="udp"),
    pytest.mark.scenario("FLT-02", peer="scripted party", transport="udp"),
]
SHORT = Round((Fate.KILLED, Fate.FROZEN), calls=4, words=20, first_seconds=(1.2, 1.4), tail_seconds=2.0)
KILLS = 200


@pytest.mark.timeout(120)
async def test_callers_whose_workers_are_lost_hear_all_of_the_sentence_once(tmp_path: Path) -> None:
    async with office(tmp_path / "parley", counting_assistant(SHORT.words)) as (product, crew):
        outcomes = await lose_workers(product, crew, SHORT)
    assert_heard(outcomes, losses=3)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fate", Fate)
async def test_hundreds_of_losses_while_a_tool_runs_cost_no_call_no_word_and_no_second_effect(
    tmp_path: Path, fate: Fate
) -> None:
    rounds = [Round((fate,) * 3, seed=seed) for seed in range(-(-KILLS // 3))]
    async with EffectServer().serving() as server:
        assistant = booking_assistant(rounds[0].words, server.url)
        async with office(tmp_path / "parley", assistant) as (product, crew):
            outcomes = [one for plan in rounds for one in await lose_workers(product, crew, plan)]
    assert_heard(outcomes, losses=KILLS)
    assert max(server.by_call.values()) == 1
    assert max(server.by_key.values()) == 1


def assert_heard(outcomes: Sequence[Outcome], *, losses: int) -> None:
    for one in outcomes:
        print(one)
    assert sum(one.losses for one in outcomes) >= losses
    assert all(one.reason == "customer-ended-call" for one in outcomes)
    assert not any(one.missing for one in outcomes)
    assert all(len(one.repeated) <= one.losses for one in outcomes)
