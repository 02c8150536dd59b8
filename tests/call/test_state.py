"""The life of a call: every state can be left, and the end comes once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call import endings
from gateway.call.leg import Direction
from gateway.call.state import (
    CLOSING_SECONDS,
    ENDING_SECONDS,
    RING_SECONDS,
    RULES,
    WORKER_SECONDS,
    Accepted,
    Answered,
    CallMachine,
    Command,
    DeadlinePassed,
    EndAfterPlayout,
    EndNow,
    Event,
    Farewell,
    Forwarded,
    LegEnded,
    NotForwarded,
    NoWorkerLeft,
    PlayedOut,
    State,
    WorkerFailed,
)

BYE = LegEnded(200, by_remote=True)


FORWARD_SECONDS = 200.0


def machine(
    direction: Direction = Direction.INBOUND, *events: Event, forward_seconds: float | None = None
) -> CallMachine:
    call = CallMachine(direction, now=0, max_seconds=600, forward_seconds=forward_seconds)
    for event in events:
        call.handle(event, 0)
    return call


def live(direction: Direction = Direction.INBOUND) -> CallMachine:
    return machine(direction, Accepted(), Answered())


def forwarding() -> CallMachine:
    """A call that has lost its worker, has apologised, and is on its way to the fallback."""
    lost = (Accepted(), Answered(), WorkerFailed(endings.WORKER_DIED), PlayedOut())
    return machine(Direction.INBOUND, *lost, forward_seconds=FORWARD_SECONDS)


def test_an_inbound_call_is_answered_once_a_worker_accepted_and_opened_once_media_flows() -> None:
    call = machine()
    assert call.handle(Accepted(), 1) == (Command.ANSWER,)
    assert call.handle(Answered(), 2) == (Command.OPEN,)
    assert call.state is State.LIVE
    assert call.deadline == 602


def test_without_a_worker_the_call_is_refused_before_answer() -> None:
    call = machine()
    assert call.handle(NoWorkerLeft(), 0) == (Command.REFUSE,)
    assert call.handle(LegEnded(503, by_remote=False), 0) == (Command.FINISH,)
    assert (call.end_reason, call.end_status, call.answered) == (endings.NO_WORKER, 503, False)


def test_a_callee_who_answers_before_the_worker_waits_for_it() -> None:
    call = machine(Direction.OUTBOUND)
    assert call.handle(Answered(), 1) == ()
    assert call.handle(Accepted(), 2) == (Command.OPEN,)
    assert call.state is State.LIVE


def test_a_call_that_loses_its_worker_apologises_and_hangs_up() -> None:
    call = live()
    assert call.handle(WorkerFailed(endings.WORKER_DIED), 10) == (Command.APOLOGISE, Command.AWAIT_PLAYOUT)
    assert call.handle(PlayedOut(), 12) == (Command.HANG_UP,)
    assert call.handle(LegEnded(200, by_remote=False), 12) == (Command.FINISH,)
    assert call.end_reason == endings.WORKER_DIED


def test_with_a_fallback_the_caller_is_sent_on_after_the_apology() -> None:
    call = machine(Direction.INBOUND, Accepted(), Answered(), forward_seconds=FORWARD_SECONDS)
    assert call.handle(WorkerFailed(endings.WORKER_DIED), 10) == (Command.APOLOGISE, Command.AWAIT_PLAYOUT)
    assert call.handle(PlayedOut(), 12) == (Command.FORWARD,)
    assert call.deadline == 12 + FORWARD_SECONDS
    assert call.handle(Forwarded(), 20) == ()
    assert call.handle(EndNow(endings.FORWARDED), 300) == (Command.HANG_UP,)
    assert call.end_reason == endings.FORWARDED


@pytest.mark.parametrize("failed", [NotForwarded(), DeadlinePassed(), BYE, EndNow("other")])
def test_a_caller_who_could_not_be_sent_on_has_the_reason_of_the_loss(failed: Event) -> None:
    call = forwarding()
    call.handle(failed, 20)
    assert call.state in (State.CLOSING, State.ENDED)
    assert call.end_reason == endings.WORKER_DIED


def test_a_caller_whom_the_far_end_has_sent_on_was_forwarded() -> None:
    call = forwarding()
    assert call.handle(EndNow(endings.FORWARDED), 20) == (Command.HANG_UP,)
    assert call.handle(NotForwarded(), 20) == ()
    assert call.end_reason == endings.FORWARDED


def test_the_first_reason_is_the_reason() -> None:
    call = live()
    call.handle(EndAfterPlayout("silence-timed-out"), 10)
    call.handle(WorkerFailed(endings.WORKER_DIED), 11)
    call.handle(EndNow("other"), 12)
    call.handle(BYE, 13)
    assert call.end_reason == "silence-timed-out"


def test_a_caller_who_hangs_up_during_the_farewell_does_not_change_the_reason() -> None:
    call = live()
    call.handle(EndAfterPlayout(endings.ASSISTANT_ENDED), 10)
    assert call.handle(BYE, 11) == (Command.FINISH,)
    assert call.end_reason == endings.ASSISTANT_ENDED


@pytest.mark.parametrize(
    ("events", "seconds", "commands", "reason"),
    [
        ([], WORKER_SECONDS, (Command.REFUSE,), endings.NO_WORKER),
        ([Answered()], WORKER_SECONDS, (Command.APOLOGISE, Command.AWAIT_PLAYOUT), endings.NO_WORKER),
        ([Accepted()], RING_SECONDS, (Command.HANG_UP,), endings.CUSTOMER_DID_NOT_ANSWER),
        ([Accepted(), Answered()], 600, (Command.HANG_UP,), endings.MAX_DURATION),
        ([Accepted(), Answered(), EndAfterPlayout("x")], ENDING_SECONDS, (Command.HANG_UP,), "x"),
        ([Accepted(), Answered(), EndNow("x")], CLOSING_SECONDS, (Command.FINISH,), "x"),
    ],
)
def test_every_state_has_its_deadline(
    events: list[Event], seconds: float, commands: tuple[Command, ...], reason: str
) -> None:
    call = machine(Direction.OUTBOUND, *events)
    assert call.deadline == seconds
    assert call.handle(DeadlinePassed(), seconds) == commands
    assert call.end_reason == reason


@pytest.mark.parametrize(
    ("direction", "answered", "status", "by_remote", "reason"),
    [
        (Direction.INBOUND, True, 200, True, endings.CUSTOMER_ENDED),
        (Direction.INBOUND, True, 408, False, endings.LEG_COMPLETED),
        (Direction.INBOUND, False, 487, True, endings.CALLER_GAVE_UP),
        (Direction.INBOUND, False, 488, False, endings.INBOUND_FAILED),
        (Direction.OUTBOUND, False, 486, True, endings.CUSTOMER_BUSY),
        (
            Direction.OUTBOUND,
            False,
            403,
            True,
            "call.in-progress.error-providerfault-outbound-sip-403-forbidden",
        ),
        (Direction.OUTBOUND, False, 404, True, endings.OUTBOUND_FAILED),
        (Direction.OUTBOUND, True, 200, True, endings.CUSTOMER_ENDED),
    ],
)
def test_the_end_of_a_leg_has_vapis_reason(
    direction: Direction, answered: bool, status: int, by_remote: bool, reason: str
) -> None:
    assert endings.of_leg(direction, answered=answered, status=status, by_remote=by_remote) == reason


EVENT = st.sampled_from(
    [
        Accepted(),
        NoWorkerLeft(),
        Answered(),
        EndAfterPlayout("a"),
        EndNow("b"),
        WorkerFailed("c"),
        PlayedOut(),
        Farewell("d"),
        Forwarded(),
        NotForwarded(),
        EndNow(endings.FORWARDED),
        BYE,
        DeadlinePassed(),
    ]
)


@given(st.sampled_from(Direction), st.lists(EVENT), st.sampled_from([None, FORWARD_SECONDS]))
def test_every_call_ends_exactly_once_with_a_reason(
    direction: Direction, events: list[Event], forward_seconds: float | None
) -> None:
    call = machine(direction, forward_seconds=forward_seconds)
    commands = [command for event in events for command in call.handle(event, 0)]
    for _ in State:
        commands += call.handle(DeadlinePassed(), 0)
    assert call.state is State.ENDED
    assert commands.count(Command.FINISH) == 1
    assert commands[-1] is Command.FINISH
    assert call.end_reason
    assert commands.count(Command.REFUSE) + commands.count(Command.OPEN) <= 1
    assert commands.count(Command.HANG_UP) <= 1
    assert commands.count(Command.APOLOGISE) <= 1
    forwarded = commands.count(Command.FORWARD)
    assert forwarded <= (0 if forward_seconds is None else 1)
    if forwarded:
        assert commands.index(Command.APOLOGISE) < commands.index(Command.FORWARD)
        assert call.end_reason in ("c", endings.FORWARDED)


def test_no_state_but_the_last_is_without_a_way_out() -> None:
    for state, rules in RULES.items():
        if state is not State.ENDED:
            assert DeadlinePassed in rules
            assert LegEnded in rules
