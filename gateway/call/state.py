"""The life of a call as a table.

                ┌──────────► connected ─┐ (outbound: answered before a worker accepted)
    ringing ────┤                       ├──► live ──► ending ──► closing ──► ended
                └──────────► answering ─┘     │
                                              └──► apologising ──► forwarding ──► forwarded ──► closing
                                                   (nobody is left to talk, and there is a fallback)

The rules:

- Every state but the last has a deadline, so no call stays anywhere for ever.
- An inbound call is answered only after a worker accepted it; without one it is refused.
- `ending` lets the agent finish what is queued, or apologise; `closing` waits for the leg to be gone.
- A caller whom nobody is left to talk with hears the apology to its end, then is sent on, once; where that fails, the
  call ends for the reason that it had before.
- The first reason is the reason; what comes later does not change it, but that the caller did arrive elsewhere.
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
    APOLOGISING = "apologising"
    FORWARDING = "forwarding"
    FORWARDED = "forwarded"
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
    FORWARD = "forward"
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
class Forwarded:
    """The caller is with whom the fallback names, by a call of ours."""


@dataclass(frozen=True, slots=True)
class NotForwarded:
    """The caller could not be sent on."""


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
    | Forwarded
    | NotForwarded
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
APOLOGY_SECONDS = 15.0
"""A prepared phrase takes no longer."""
FORWARDED_SECONDS = 4 * 3600.0
"""How long a caller may talk with somebody else over us."""
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
_ENDINGS = frozenset({State.APOLOGISING, State.ENDING, State.CLOSING, State.ENDED})
_REFUSE = Rule(State.CLOSING, (Command.REFUSE,))
_GOODBYE = Rule(State.ENDING, (Command.SAY_GOODBYE, Command.AWAIT_PLAYOUT))
_APOLOGISE = Rule(State.ENDING, (Command.APOLOGISE, Command.AWAIT_PLAYOUT))
_APOLOGISE_FIRST = Rule(State.APOLOGISING, (Command.APOLOGISE, Command.AWAIT_PLAYOUT))
_FORWARD = Rule(State.FORWARDING, (Command.FORWARD,))


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
    State.APOLOGISING: {PlayedOut: _FORWARD, DeadlinePassed: _FORWARD, EndNow: _HANG_UP, LegEnded: _FINISH},
    State.FORWARDING: {
        Forwarded: Rule(State.FORWARDED),
        NotForwarded: _HANG_UP,
        EndNow: _HANG_UP,
        LegEnded: _FINISH,
        DeadlinePassed: _HANG_UP,
    },
    State.FORWARDED: {EndNow: _HANG_UP, LegEnded: _FINISH, DeadlinePassed: _HANG_UP},
    State.ENDING: {
        PlayedOut: _HANG_UP,
        EndNow: _HANG_UP,
        LegEnded: _FINISH,
        DeadlinePassed: _HANG_UP,
    },
    State.CLOSING: {LegEnded: _FINISH, DeadlinePassed: _FINISH},
    State.ENDED: {},
}

WITH_FALLBACK: Mapping[State, Mapping[type[Event], Rule]] = {State.LIVE: {WorkerFailed: _APOLOGISE_FIRST}}
"""What goes before RULES where the caller has somewhere else to go."""


class CallMachine:
    """State of one call.

    :param now: seconds, when the call appeared
    :param max_seconds: how long it may be live
    :param ring_seconds: how long an outbound call rings
    :param forward_seconds: how long it may take to send the caller on to the fallback, None where there is none
    """

    def __init__(
        self,
        direction: Direction,
        *,
        now: float,
        max_seconds: float,
        ring_seconds: float = RING_SECONDS,
        forward_seconds: float | None = None,
    ) -> None:
        self.state = State.RINGING
        self.answered = False
        self.end_reason = ""
        self.end_status: int | None = None
        self.by_remote = False
        self._direction = direction
        self._max_seconds = max_seconds
        self._ring_seconds = ring_seconds
        self._forward_seconds = forward_seconds
        self.deadline = now + WORKER_SECONDS

    def handle(self, event: Event, now: float) -> tuple[Command, ...]:
        """Take an event; what the state has no rule for is ignored."""
        rule = self._rule(event)
        if rule is None:
            return ()
        self.answered = self.answered or isinstance(event, Answered)
        if isinstance(event, LegEnded):
            self.end_status, self.by_remote = event.status, event.by_remote
        if rule.next in _ENDINGS:
            self.end_reason = self.end_reason or self._reason(event, rule)
        if self.state is State.FORWARDING and _arrived(event):
            self.end_reason = endings.FORWARDED
        if rule.next is not self.state:
            self.state = rule.next
            self.deadline = now + self._seconds[rule.next](self)
        return rule.commands

    def _rule(self, event: Event) -> Rule | None:
        if self._forward_seconds is not None and (rule := WITH_FALLBACK.get(self.state, {}).get(type(event))):
            return rule
        return RULES[self.state].get(type(event))

    def go_on(self, until: float) -> None:
        """A live call may go on until then: its agent has left it to two people. So may one that rings, until somebody
        else takes it."""
        if self.state in (State.RINGING, State.LIVE):
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
        State.APOLOGISING: lambda call: APOLOGY_SECONDS,
        State.FORWARDING: lambda call: call._forward_seconds or 0.0,
        State.FORWARDED: lambda call: FORWARDED_SECONDS,
        State.ENDING: lambda call: ENDING_SECONDS,
        State.CLOSING: lambda call: CLOSING_SECONDS,
        State.ENDED: lambda call: float("inf"),
    }


def _arrived(event: Event) -> bool:
    """Whether the caller is where it was sent: with us between the two, or by the far end's doing."""
    return isinstance(event, Forwarded) or (isinstance(event, EndNow) and event.reason == endings.FORWARDED)
