"""A thousand minutes of conversation, with every rule watched; one in two under rough conditions."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from gateway.conversation.plan import TurnPlan
from tests.conversation.simulation.conditions import FAIR, ROUGH
from tests.conversation.simulation.conversation import OVERLAP, Conversation, converse
from tests.conversation.simulation.referee import Foul
from tests.conversation.simulation.schedule import Steps

PARTS = 5
CALLS = 675
LATE_CALLS = 100
LOST_CALLS = 60
LOST_MS = 12_000
CUT_ANYWHERE = (0, 1, 2, 6, 7)
CUT_MS = 20_000
CUT_STEP = 3
"""Of the events of a call, so that it takes seconds."""
TALKATIVE = replace(FAIR, tools=0.6, ends_call=0.3)
LOST_ONCE = (110, 201, 234, 347)
"""Seeds whose losses showed a fault: a phrase that sounded still was told as heard, keys before anybody spoke, the pace
of a voice without word times, and words twice behind keys."""
CUT_ONCE = ((9, 245), (14, 195), (23, 119), (23, 134), (28, 149), (32, 172), (48, 37), (48, 77), (49, 4))
"""Seeds and events, likewise: what of a reply was heard that had been cut, and the pace of voices."""


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


def lose_workers(seed: int) -> int:
    """Hold a conversation whose workers are lost; returns how many were."""
    rough = seed % 2 == 1
    given = replace(ROUGH if rough else FAIR, worker_lost_ms=LOST_MS)
    return Conversation(seed, rough=rough, given=given).run().losses


def cut_at(seed: int, event: int) -> None:
    """Hold a conversation whose worker is lost at an event."""
    Conversation(seed, rough=False, given=TALKATIVE, length_ms=CUT_MS, lose_at=event).run()


@pytest.mark.parametrize("part", range(PARTS))
def test_a_call_outlives_its_workers(part: int) -> None:
    losses = sum(lose_workers(seed) for seed in range(part, LOST_CALLS, PARTS))
    assert losses > 2 * LOST_CALLS / PARTS, "hardly a worker was lost"


@pytest.mark.parametrize("seed", CUT_ANYWHERE)
def test_a_worker_may_be_lost_at_any_event(seed: int) -> None:
    events = Conversation(seed, rough=False, given=TALKATIVE, length_ms=CUT_MS).run().events
    assert events > 50
    for event in range(1, events, CUT_STEP):
        try:
            cut_at(seed, event)
        except Foul as foul:
            raise Foul(f"lost at event {event}: {foul}") from None


@pytest.mark.parametrize("seed", LOST_ONCE)
def test_losses_that_showed_a_fault_show_none(seed: int) -> None:
    assert lose_workers(seed) > 3


@pytest.mark.parametrize(("seed", "event"), CUT_ONCE)
def test_events_that_showed_a_fault_show_none(seed: int, event: int) -> None:
    cut_at(seed, event)


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
