"""Whatever happens: the caller is with the agent, with the human, or has hung up."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.transfer.life import (
    ENDED,
    WAITING,
    WITH_HUMAN,
    Accepted,
    Answered,
    CallerLeft,
    Command,
    DeadlinePassed,
    Declined,
    Event,
    Failed,
    Joined,
    Life,
    Referred,
    Refused,
    State,
    Status,
)

pytestmark = pytest.mark.scenario("INV-16", peer="none: the rules alone", transport="none")
EVENTS: list[Event] = [
    Answered(),
    Refused(Status.BUSY, "486 Busy Here"),
    Accepted(),
    Declined(Status.VOICEMAIL, "It is a machine."),
    Declined(Status.CANCELLED, "They have no time.", "call.in-progress.error-warm-transfer-assistant-cancelled"),
    Joined(),
    Failed("no sound"),
    Referred(True),
    Referred(False),
    CallerLeft(),
    DeadlinePassed(),
]


@dataclass
class World:
    """What the shell's commands do to the three."""

    human: bool = True
    caller: bool = True
    agent: bool = True
    together: bool = False
    told: list[Command] = field(default_factory=list)

    def obey(self, commands: tuple[Command, ...], event: Event) -> None:
        if isinstance(event, CallerLeft):
            self.caller = False
        if isinstance(event, Refused):
            self.human = False
        if isinstance(event, Joined):
            self.together = True
        for command in commands:
            self.told.append(command)
            match command:
                case Command.LEAVE:
                    self.agent = False
                case Command.DROP_HUMAN:
                    self.human = False
                case Command.DROP_CALLER:
                    self.caller = False


@given(st.lists(st.sampled_from(EVENTS), max_size=12), st.booleans())
def test_no_order_of_events_loses_the_caller(events: list[Event], refer: bool) -> None:
    life, world, now = Life(0.0, 30.0, 20.0, refer=refer), World(), 0.0
    for event in events:
        now += 1.0
        if isinstance(event, DeadlinePassed) and life.deadline == float("inf"):
            continue
        alive, state = world.caller and world.human, life.state
        world.obey(life.handle(event, now), event)
        if life.state in WAITING or life.state is State.RETURNED:
            assert world.agent, "who waits, or comes back, still has an agent"
        if life.state in WAITING:
            assert life.deadline < float("inf")
        if life.state in WITH_HUMAN and alive:
            assert world.together
        if state in ENDED:
            assert life.state is state, "the end is the end"
    if life.state is State.RETURNED:
        assert world.told.count(Command.RETURN) == 1
        assert Command.DROP_CALLER not in world.told
        assert not world.human
    if life.state is State.OVER:
        assert Command.RETURN not in world.told
        assert not (world.human and world.caller), "nobody is left alone on a line"
    if life.state in ENDED:
        assert life.status is not None


@given(st.lists(st.sampled_from([*EVENTS, None]), max_size=12))
def test_a_caller_who_loses_the_agent_meanwhile_is_given_back_only_when_no_human_is_left(
    events: list[Event | None],
) -> None:
    life = Life(0.0, 30.0, 20.0)
    for now, event in enumerate(events):
        if event is None:
            life.agent_lost = True
            continue
        before = life.state
        commands = life.handle(event, float(now))
        if life.agent_lost and isinstance(event, Failed):
            assert Command.RETURN not in commands or before is State.CONNECTING
            assert (before is State.BRIEFING) is (commands == (Command.CONNECT,))
        if life.state in WAITING:
            assert life.deadline < float("inf")


@pytest.mark.parametrize(
    ("event", "reason"),
    [(Declined(Status.CANCELLED, "No.", "cancelled"), "cancelled"), (DeadlinePassed(), "late"), (Failed("fault"), "")],
)
def test_a_call_that_ends_because_its_transfer_failed_knows_why(event: Event, reason: str) -> None:
    life = Life(0.0, 30.0, 20.0, late="late")
    life.handle(Answered(), 1.0)
    life.handle(event, 2.0)
    assert life.reason == reason


@given(st.lists(st.sampled_from(EVENTS), max_size=8))
def test_time_alone_leads_out_of_every_wait(events: list[Event]) -> None:
    life, now = Life(0.0, 30.0, 20.0), 0.0
    for event in events:
        now += 1.0
        life.handle(event, now)
    for _ in range(3):
        if life.state in WAITING:
            now = life.deadline
            life.handle(DeadlinePassed(), now)
    assert life.state not in WAITING


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([Refused(Status.BUSY, "486 Busy Here")], Status.BUSY),
        ([DeadlinePassed()], Status.NO_ANSWER),
        ([Answered(), Declined(Status.CANCELLED, "Key 2 was pressed.")], Status.CANCELLED),
        ([Answered(), Declined(Status.VOICEMAIL, "It is a machine.")], Status.VOICEMAIL),
        ([Answered(), Refused(Status.FAILED, "")], Status.FAILED),
        ([Answered(), Failed("no voice")], Status.FAILED),
        ([Answered(), DeadlinePassed()], Status.NO_ANSWER),
        ([Answered(), Accepted(), Failed("no sound")], Status.FAILED),
        ([Answered(), Accepted(), Refused(Status.FAILED, "")], Status.FAILED),
        ([Answered(), Accepted(), DeadlinePassed()], Status.FAILED),
    ],
)
def test_every_failure_leads_back_to_the_agent_and_says_why(events: list[Event], status: Status) -> None:
    life, now = Life(0.0, 30.0, 20.0), 0.0
    commands: tuple[Command, ...] = ()
    for event in events:
        commands = life.handle(event, now)
    assert life.state is State.RETURNED
    assert commands[-1] is Command.RETURN
    assert life.status is status
    assert life.detail


def test_a_side_that_will_not_connect_the_two_leaves_them_connected_here() -> None:
    life = Life(0.0, 30.0, 20.0, refer=True)
    for event in (Answered(), Accepted()):
        life.handle(event, 1.0)
    assert life.handle(Joined(), 2.0) == (Command.TELL, Command.LEAVE, Command.REFER)
    assert life.handle(Referred(False), 3.0) == ()
    assert life.state is State.CONNECTED
    assert life.handle(Refused(Status.FAILED, ""), 4.0)[0] is Command.DROP_CALLER
    assert life.status is Status.COMPLETED
