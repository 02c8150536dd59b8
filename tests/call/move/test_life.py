"""The places of a call: it always ends up with one worker, or with nobody and told so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.move.life import (
    COMFORT_SECONDS,
    MOST_MOVES,
    PATIENCE_SECONDS,
    SETTLE_SECONDS,
    Because,
    Command,
    DeadlinePassed,
    Ended,
    Event,
    Life,
    Lost,
    NoneLeft,
    Placed,
    Silent,
    Spoke,
    State,
    TurnTaken,
)

DEATH = Lost(Because.DEATH)
PROVIDER = Lost(Because.FAILURE, "pipeline-error-custom-voice-failed")


def moved(life: Life, owed: bool = True) -> None:
    assert life.handle(DEATH, 10)[-2:] == (Command.FENCE, Command.PLACE)
    assert Command.TAKE in life.handle(Placed(owed), 10.3)


def test_a_call_is_with_the_next_worker_when_that_is_heard() -> None:
    life = Life()
    moved(life)
    assert life.state is State.SETTLING
    assert life.handle(Spoke(), 10.5) == (Command.TELL,)
    assert (life.state, life.deadline) == (State.HELD, float("inf"))


def test_a_caller_to_whom_nothing_is_owed_waits_for_nothing() -> None:
    life = Life()
    life.handle(DEATH, 10)
    assert life.handle(Placed(owed=False), 10.3) == (Command.TAKE, Command.TELL)
    assert life.state is State.HELD


def test_silence_is_covered_once_in_a_move() -> None:
    life = Life()
    assert life.handle(Silent(5), 9) == ()
    life.handle(DEATH, 10)
    assert life.handle(Silent(COMFORT_SECONDS - 0.02), 10.68) == ()
    assert life.handle(Silent(COMFORT_SECONDS), 10.7) == (Command.COMFORT,)
    life.handle(Placed(owed=True), 11)
    assert life.handle(Silent(2), 12) == ()
    moved_again = life.handle(DEATH, 13)
    assert moved_again == (Command.TELL, Command.FENCE, Command.PLACE)
    assert life.handle(Silent(COMFORT_SECONDS), 14) == (Command.COMFORT,)


@pytest.mark.parametrize("event", [DeadlinePassed(), NoneLeft()])
def test_without_a_worker_the_caller_is_told_so(event: Event) -> None:
    life = Life()
    life.handle(DEATH, 10)
    assert life.deadline == 10 + PATIENCE_SECONDS
    assert life.handle(event, 13) == (Command.GIVE_UP,)
    assert life.state is State.GONE
    assert life.handle(Placed(owed=True), 13.1) == (Command.DROP,)


def test_a_call_does_not_travel_for_ever() -> None:
    life = Life()
    for _ in range(MOST_MOVES):
        moved(life)
    assert life.handle(DEATH, 11) == (Command.TELL, Command.FENCE, Command.GIVE_UP)


def test_a_turn_makes_up_for_the_moves_before() -> None:
    life = Life()
    for _ in range(3 * MOST_MOVES):
        moved(life)
        life.handle(TurnTaken(), 11)
    assert life.state is State.HELD


def test_what_fails_twice_in_the_same_way_is_not_tried_a_third_time() -> None:
    life = Life()
    life.handle(PROVIDER, 10)
    life.handle(Placed(owed=False), 10.1)
    assert life.handle(PROVIDER, 10.2) == (Command.FENCE, Command.GIVE_UP)


EVENTS = st.one_of(
    st.builds(Lost, st.sampled_from(Because), st.sampled_from(["", "a", "b"])),
    st.builds(Placed, st.booleans()),
    st.builds(Silent, st.floats(0, 2)),
    st.sampled_from([Spoke(), TurnTaken(), Ended(), NoneLeft()]),
)


@given(st.lists(st.tuples(st.floats(0, 2), EVENTS), max_size=60))
def test_whatever_happens_one_worker_at_most_has_the_call_and_nobody_waits_for_ever(
    script: list[tuple[float, Event]],
) -> None:
    life, now, holders, asking, waiting_since = Life(), 0.0, 1, False, None
    told = 0
    for wait, event in script:
        now += wait
        events = ([DeadlinePassed()] if now >= life.deadline else []) + [event]
        for one in events:
            before = life.state
            if isinstance(one, Placed) and not asking:
                continue  # nobody was asked
            if isinstance(one, Lost) and not holders:
                continue  # nobody has it
            commands = life.handle(one, now)
            if isinstance(one, Placed):
                asking, holders = False, holders + 1
            for command in commands:
                match command:
                    case Command.FENCE | Command.DROP:
                        holders -= 1
                    case Command.PLACE:
                        asking = True
                    case Command.GIVE_UP:
                        told += 1
            if isinstance(one, Ended):
                asking = False
            assert holders <= 1
            if life.state is State.PLACING:
                waiting_since = now if before is not State.PLACING else waiting_since
                assert holders == 0
                assert asking
                assert life.deadline <= now + PATIENCE_SECONDS
            elif life.state is State.SETTLING:
                assert holders == 1
                assert life.deadline <= now + SETTLE_SECONDS
            elif life.state is State.HELD:
                assert holders == 1
            elif life.state is State.GONE:
                assert (holders, told) == (0, 1)
