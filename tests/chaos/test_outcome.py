"""The verdict on a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.chaos.events import Lost, Move
from gateway.chaos.heard import Heard
from gateway.chaos.outcome import Happened, Limits, Outcome
from gateway.chaos.plan import Fault, Kind, Part, Plan
from tests.chaos.test_heard import WORDS_EACH, packets

WORKER = Fault(at=0, kind=Kind.KILL, part=Part.WORKER)
GATEWAY = Fault(at=0, kind=Kind.KILL, part=Part.GATEWAY)


def held(*words: int | None, **changes: Any) -> Heard:
    came = packets(words, start_ns=1)
    return Heard(WORDS_EACH, came, began_ns=1, ended_ns=came[-1].at_ns, **changes)


def outcome(*calls: Heard, fault: Fault = WORKER, **changes: Any) -> Outcome:
    happened = [Happened(fault, "worker-1", 2, 3)]
    found = Outcome(Plan(faults=[fault]), happened, calls, 3, 0, 0, Lost(10, 0, 0, 0))
    return replace(found, **changes)


GOOD = held(0, 1, 2, 3)


def test_a_run_in_which_nothing_was_lost_is_right() -> None:
    assert outcome(GOOD).wrong() == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (outcome(GOOD, held(0, dropped=True)), "1 calls were dropped"),
        (outcome(GOOD, Heard(WORDS_EACH, refused=503)), "1 calls were refused"),
        (outcome(held(0, 1, 3)), "1 words were missing"),
        (outcome(held(0, 1, 2, 1, 2, 3)), "1 words were heard again, beyond one for each loss"),
        (outcome(GOOD, effects_repeated=1), "1 effects of tools took place again"),
        (outcome(GOOD, events=Lost(9, 2, 0, 0)), "2 events were lost"),
        (outcome(GOOD, events=Lost(9, 0, 1, 0)), "1 calls have not exactly one end"),
        (outcome(held(0, 1, 2, 3, unanswered=1)), "1 answers did not come"),
        (outcome(), "no call was taken"),
    ],
)
def test_what_was_lost_or_came_twice_is_wrong(found: Outcome, told: str) -> None:
    assert found.wrong() == [told]


def test_a_word_may_come_again_once_for_each_worker_that_was_lost() -> None:
    assert outcome(held(0, 1, 1, 2, 3)).wrong() == []
    assert outcome(held(0, 1, 1, 2, 3), happened=[]).wrong() != []


def test_calls_of_a_gateway_that_was_killed_may_end() -> None:
    assert outcome(GOOD, held(0, dropped=True), fault=GATEWAY).wrong() == []


def test_wrong_words_of_callers_who_were_held_up_are_excused_but_not_in_all_calls() -> None:
    held_up = held(0, 1, 3, held_up=True, unanswered=1)
    assert outcome(GOOD, held_up).wrong() == []
    assert outcome(GOOD, held_up).as_data()["misheard"] == 1
    assert outcome(replace(GOOD, held_up=True)).wrong() == []
    assert outcome(held_up).wrong() == ["this machine was too busy: all callers were held up while they spoke"]


def test_times_are_judged_by_whoever_sets_limits() -> None:
    found = outcome(held(0, 1, None, None, 2, 3))
    assert found.wrong() == []
    assert found.wrong(Limits(silence_ms=300)) == ["kill worker: silence of 400 ms"]
    assert found.wrong(Limits(silence_ms=500, gap_ms=30)) == []


def test_all_of_it_is_told_as_data() -> None:
    data = outcome(GOOD, moves=[Move("worker-died", 40)]).as_data()
    assert data["moves"] == [{"because": "worker-died", "gap_ms": 40}]
    assert data["faults"][0]["fault"] == "kill worker"
    assert (data["calls"], data["dropped"], data["words"]["missing"], data["wrong"]) == (1, 0, [], [])
