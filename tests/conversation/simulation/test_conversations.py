"""A thousand minutes of conversation, with every rule watched; one in two under rough conditions."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from gateway.conversation.plan import TurnPlan
from tests.conversation.simulation.conditions import FAIR
from tests.conversation.simulation.conversation import OVERLAP, Conversation, converse
from tests.conversation.simulation.schedule import Steps

PARTS = 5
CALLS = 675
LATE_CALLS = 100


@pytest.mark.parametrize("part", range(PARTS))
def test_conversations_keep_every_rule(part: int) -> None:
    outcomes = [converse(seed) for seed in range(part, CALLS, PARTS)]
    minutes = sum(outcome.ms for outcome in outcomes) / 60_000
    assert minutes >= 1_000 / PARTS
    assert sum(outcome.turns for outcome in outcomes) > 4 * minutes, "the caller was hardly heard"
    assert sum(outcome.interruptions for outcome in outcomes) > minutes, "nobody interrupted"
    assert sum(outcome.pauses for outcome in outcomes) > 2 * minutes, "nothing was paused"
    assert len({outcome.reason for outcome in outcomes}) >= 5, "calls hardly end in different ways"


@pytest.mark.parametrize("part", range(PARTS))
def test_callers_whose_words_are_late_do_not_wait_in_silence(part: int) -> None:
    late = replace(FAIR, transcript_late=0.3, transcript_lost=0.05)
    covers = 0
    for seed in range(part, LATE_CALLS, PARTS):
        talk = Conversation(seed, rough=False, given=late)
        talk.run()
        covers += talk.referee.covers
    assert covers > LATE_CALLS / PARTS, "hardly any phrase covered a wait"


def test_nothing_grows_in_a_call_of_an_hour() -> None:
    plan = TurnPlan(greeting="Hello.", max_duration_ms=4_000_000, overlap=OVERLAP)
    given = replace(FAIR, ends_call=0, live_control=0, absent=0)
    talk = Conversation(1, rough=False, given=given, plan=plan, length_ms=3_600_000)
    sizes: list[int] = []

    def weigh() -> Steps:
        while not talk.gateway.ended:
            sizes.append(len(pickle.dumps(vars(talk.machine))))
            yield 5_000

    talk.schedule.spawn(weigh())
    assert talk.run().ms > 3_500_000
    quarter = len(sizes) // 4
    assert max(sizes[-quarter:]) < 1.5 * max(sizes[:quarter])
