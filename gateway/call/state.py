"""The life of a call as a table.

                ┌──────────► connected ─┐ (outbound: answered before a worker accepted)
    ringing ────┤                       ├──► live ──► ending ──► closing ──► ended
                └──────────► answering ─┘

The rules:

- Every state but the last has a deadline, so no call stays anywhere for ever.
- An inbound call is answered only after a worker accepted it; without one it is refused.
- `ending` lets the agent finish what is queued, or apologise; `closing` waits for the leg to be gone.
- The first reason is the reason; what comes later does not change it.
- The leg's end ends the call in every state. `ended` is entered once, with the one FINISH.

Pure: events bring the time as seconds of any steady clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.call import endings
from gateway.call.leg import Direction


class State(StrEnum):
    """Where a call is."""

    RINGING = "ringing"
    ANSWERING = "answering"
    CONNECTED = "connected"
    LIVE = "live"
    ENDING = "ending"
    CLOSING = "closing"
    ENDED = "ended"


class Command(StrEnum):
    """What the call's shell must do, in order."""

    ANSWER = "answer"
    OPEN = "open"
    REFUSE = "refuse"
    APOLOGISE = "apologise"
    SAY_GOODBYE = "say-goodbye"
    AWAIT_PLAYOUT = "await-playout"
    HANG_UP = "hang-up"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A worker took the call."""


@dataclass(frozen=True, slots=True)
class NoWorkerLeft:
    """None did."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Media flows."""


@dataclass(frozen=True, slots=True)
class EndAfterPlayout:
    """Hang up when what is queued was said."""

    reason: str


@dataclass(frozen=True, slots=True)
class EndNow:
    """Hang up at once."""

    reason: str


@dataclass(frozen=True, slots=True)
class Farewell:
    """The gateway goes down: say goodbye in place of what is being said, and hang up."""

    reason: str


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """The conversation cannot go on."""

    reason: str


@dataclass(frozen=True, slots=True)
class PlayedOut:
    """What was queued was said."""


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The leg is gone."""

    status: int
    by_remote: bool


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The state's time is over."""


Event = (
    Accepted
    | NoWorkerLeft
    | Answered
    | EndAfterPlayout
    | EndNow
    | Farewell
    | WorkerFailed
    | PlayedOut
    | LegEnded
    | DeadlinePassed
)

ANSWER_SECONDS = 40.0
"""From our 200 to ACK and media. A leg repeats its 200 for 32 s (RFC 3261), and ends itself without ACK."""
RING_SECONDS = 60.0
"""How long an outbound call rings, unless somebody says otherwise."""
WORKER_SECONDS = 6.0
"""Until a worker must have accepted."""
ENDING_SECONDS = 60.0
CLOSING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Rule:
    """What an event does in a state. `reason` is the end reason when the event brings none itself."""

    next: State
    commands: tuple[Command, ...] = ()
    reason: str = ""


_FINISH = Rule(State.ENDED, (Command.FINISH,))
_HANG_UP = Rule(State.CLOSING, (Command.HANG_UP,))
_REFUSE = Rule(State.CLOSING, (Command.REFUSE,))
_GOODBYE = Rule(State.ENDING, (Command.SAY_GOODBYE, Command.AWAIT_PLAYOUT))
_APOLOGISE = Rule(State.ENDING, (Command.APOLOGISE, Command.AWAIT_PLAYOUT))


def _because(rule: Rule, reason: str) -> Rule:
    return Rule(rule.next, rule.commands, reason)


RULES: Mapping[State, Mapping[type[Event], Rule]] = {
    State.RINGING: {
        Accepted: Rule(State.ANSWERING, (Command.ANSWER,)),
        Answered: Rule(State.CONNECTED),
        NoWorkerLeft: _because(_REFUSE, endings.NO_WORKER),
        EndAfterPlayout: _REFUSE,
        EndNow: _REFUSE,
        Farewell: _REFUSE,
        WorkerFailed: _REFUSE,
        LegEnded: _FINISH,
        DeadlinePassed: _because(_REFUSE, endings.NO_WORKER),
    },
    State.CONNECTED: {
        Accepted: Rule(State.LIVE, (Command.OPEN,)),
        NoWorkerLeft: _because(_APOLOGISE, endings.NO_WORKER),
        EndAfterPlayout: _HANG_UP,
        EndNow: _HANG_UP,
        Farewell: _GOODBYE,
        WorkerFailed: _APOLOGISE,
        LegEnded: _FINISH,
        DeadlinePassed: _because(_APOLOGISE, endings.NO_WORKER),
    },
    State.ANSWERING: {
        Answered: Rule(State.LIVE, (Command.OPEN,)),
        EndAfterPlayout: _HANG_UP,
        EndNow: _HANG_UP,
        Farewell: _HANG_UP,
        WorkerFailed: _HANG_UP,
        LegEnded: _FINISH,
        DeadlinePassed: _HANG_UP,
    },
    State.LIVE: {
        EndAfterPlayout: Rule(State.ENDING, (Command.AWAIT_PLAYOUT,)),
        EndNow: _HANG_UP,
        Farewell: _GOODBYE,
        WorkerFailed: _APOLOGISE,
        LegEnded: _FINISH,
        DeadlinePassed: _because(_HANG_UP, endings.MAX_DURATION),
    },
    State.ENDING: {
        PlayedOut: _HANG_UP,
        EndNow: _HANG_UP,
        LegEnded: _FINISH,
        DeadlinePassed: _HANG_UP,
    },
    State.CLOSING: {LegEnded: _FINISH, DeadlinePassed: _FINISH},
    State.ENDED: {},
}


class CallMachine:
    """State of one call.

    :param now: seconds, when the call appeared
    :param max_seconds: how long it may be live
    :param ring_seconds: how long an outbound call rings
    """

    def __init__(
        self, direction: Direction, *, now: float, max_seconds: float, ring_seconds: float = RING_SECONDS
    ) -> None:
        self.state = State.RINGING
        self.answered = False
        self.end_reason = ""
        self.end_status: int | None = None
        self.by_remote = False
        self._direction = direction
        self._max_seconds = max_seconds
        self._ring_seconds = ring_seconds
        self.deadline = now + WORKER_SECONDS

    def handle(self, event: Event, now: float) -> tuple[Command, ...]:
        """Take an event; what the state has no rule for is ignored."""
        rule = RULES[self.state].get(type(event))
        if rule is None:
            return ()
        self.answered = self.answered or isinstance(event, Answered)
        if isinstance(event, LegEnded):
            self.end_status, self.by_remote = event.status, event.by_remote
        if rule.next in (State.ENDING, State.CLOSING, State.ENDED):
            self.end_reason = self.end_reason or self._reason(event, rule)
        if rule.next is not self.state:
            self.state = rule.next
            self.deadline = now + self._seconds[rule.next](self)
        return rule.commands

    def go_on(self, until: float) -> None:
        """A live call may go on until then: its agent has left it to two people."""
        if self.state is State.LIVE:
            self.deadline = until

    def _reason(self, event: Event, rule: Rule) -> str:
        if isinstance(event, LegEnded):
            return endings.of_leg(
                self._direction, answered=self.answered, status=event.status, by_remote=event.by_remote
            )
        if isinstance(event, EndAfterPlayout | EndNow | Farewell | WorkerFailed):
            return event.reason
        return rule.reason or self._unanswered

    @property
    def _unanswered(self) -> str:
        inbound = self._direction is Direction.INBOUND
        return endings.INBOUND_FAILED if inbound else endings.CUSTOMER_DID_NOT_ANSWER

    @property
    def _answering_seconds(self) -> float:
        return ANSWER_SECONDS if self._direction is Direction.INBOUND else self._ring_seconds

    _seconds: Mapping[State, Callable[[CallMachine], float]] = {
        State.CONNECTED: lambda call: WORKER_SECONDS,
        State.ANSWERING: lambda call: call._answering_seconds,
        State.LIVE: lambda call: call._max_seconds,
        State.ENDING: lambda call: ENDING_SECONDS,
        State.CLOSING: lambda call: CLOSING_SECONDS,
        State.ENDED: lambda call: float("inf"),
    }
