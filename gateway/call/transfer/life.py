"""The life of a transfer in which we dial the human, as a table.

    dialling ──► briefing ──► connecting ──► connected ──► over
        │            │            │            ▲    │
        └────────────┴────────────┴──► returned└────┴ handing-over

The rules:

- The caller waits in `dialling`, `briefing` and `connecting`: each has a deadline, and each way out leads the caller to
  the human, back to the agent, or is the caller's own hanging up.
- The agent is let go only in `connected`, when caller and human do hear each other. Until then every failure is a way
  back.
- Whoever of caller and human is left alone in `connected` is hung up.
- `handing-over` asks the caller's side to connect the two by itself (REFER with Replaces); when it will not, they stay
  connected here.
- A caller who has lost the agent as well gets the human who has answered, whatever of ours fails: there is no way back.
- RETURN, or LEAVE with what follows it, comes exactly once, and after it nothing but the end.

Pure: events bring the time as seconds of any steady clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Where a transfer is."""

    DIALLING = "dialling"
    BRIEFING = "briefing"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    HANDING_OVER = "handing-over"
    RETURNED = "returned"
    OVER = "over"


WAITING = frozenset({State.DIALLING, State.BRIEFING, State.CONNECTING})
WITH_HUMAN = frozenset({State.CONNECTED, State.HANDING_OVER})
ENDED = frozenset({State.RETURNED, State.OVER})


class Status(StrEnum):
    """How a transfer went, in Vapi's words."""

    CONNECTED = "connected"
    COMPLETED = "completed"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Command(StrEnum):
    """What the shell must do, in order."""

    BRIEF = "brief"
    CONNECT = "connect"
    LEAVE = "leave"
    """The agent is done here, unless it stays."""
    REFER = "refer"
    DROP_HUMAN = "drop-human"
    DROP_CALLER = "drop-caller"
    RETURN = "return"
    TELL = "tell"


@dataclass(frozen=True, slots=True)
class Answered:
    """The human's side answered."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not, or hung up."""

    status: Status
    detail: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The human was told what there is to tell, and takes the call."""


@dataclass(frozen=True, slots=True)
class Declined:
    """Whoever answered does not take it: the human says no, or it is a machine. `reason`: Vapi's endedReason of a call
    that ends for this."""

    status: Status
    detail: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """Caller and human hear each other."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Something of ours did not work."""

    detail: str


@dataclass(frozen=True, slots=True)
class Referred:
    """The caller's side said how the REFER went."""

    ok: bool


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The caller's call is ending, whoever ended it."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The state's time is over."""


Event = Answered | Refused | Accepted | Declined | Joined | Failed | Referred | CallerLeft | DeadlinePassed

CONNECT_SECONDS = 5.0
REFER_SECONDS = 32.0


@dataclass(frozen=True, slots=True)
class Rule:
    """What an event does in a state. `status` is told when the event brings none itself."""

    next: State
    commands: tuple[Command, ...] = ()
    status: Status | None = None
    detail: str = ""


def _returned(status: Status | None = None, detail: str = "") -> Rule:
    return Rule(State.RETURNED, (Command.DROP_HUMAN, Command.TELL, Command.RETURN), status, detail)


_CANCELLED = Rule(State.OVER, (Command.DROP_HUMAN, Command.TELL), Status.CANCELLED, "The caller has hung up.")
_BRIEF = Rule(State.BRIEFING, (Command.BRIEF,))
_CONNECT = Rule(State.CONNECTING, (Command.CONNECT,))
_STAY = Rule(State.CONNECTED)
_ALONE = Rule(State.OVER, (Command.DROP_CALLER, Command.TELL), Status.COMPLETED)
_HUMAN_ALONE = Rule(State.OVER, (Command.DROP_HUMAN, Command.TELL), Status.COMPLETED)
_SENT_ON = Rule(State.OVER, (Command.DROP_CALLER, Command.DROP_HUMAN, Command.TELL), Status.COMPLETED)

RULES: Mapping[State, Mapping[type[Event], Rule]] = {
    State.DIALLING: {
        Answered: _BRIEF,
        Refused: _returned(),
        Failed: _returned(Status.FAILED),
        DeadlinePassed: _returned(Status.NO_ANSWER, "Nobody answered in time."),
        CallerLeft: _CANCELLED,
    },
    State.BRIEFING: {
        Accepted: _CONNECT,
        Declined: _returned(),
        Refused: _returned(Status.FAILED, "The other side hung up before it took the call."),
        Failed: _returned(Status.FAILED),
        DeadlinePassed: _returned(Status.NO_ANSWER, "Nobody took the call in time."),
        CallerLeft: _CANCELLED,
    },
    State.CONNECTING: {
        Joined: Rule(State.CONNECTED, (Command.TELL, Command.LEAVE), Status.CONNECTED, "The call was transferred."),
        Refused: _returned(Status.FAILED, "The other side hung up before it was connected."),
        Failed: _returned(Status.FAILED),
        DeadlinePassed: _returned(Status.FAILED, "The two calls could not be connected."),
        CallerLeft: _CANCELLED,
    },
    State.CONNECTED: {Refused: _ALONE, CallerLeft: _HUMAN_ALONE},
    State.HANDING_OVER: {
        Refused: _ALONE,
        CallerLeft: _HUMAN_ALONE,
        Failed: _STAY,
        DeadlinePassed: _STAY,
    },
    State.RETURNED: {},
    State.OVER: {},
}


@dataclass(slots=True)
class Life:
    """State of one transfer.

    :param ring_seconds: until somebody must have answered
    :param brief_seconds: until who answered must have taken the call
    :param refer: whether the caller's side is asked to connect the two by itself
    :param stays: whether the agent stays with the two: the caller is not alone when the human leaves
    :param late: Vapi's endedReason of a call that ends because the human did not decide in time

    `agent_lost`: nobody is left that the caller could be given back to.
    """

    now: float
    ring_seconds: float
    brief_seconds: float
    refer: bool = False
    stays: bool = False
    late: str = ""
    agent_lost: bool = field(default=False, init=False)
    state: State = field(default=State.DIALLING, init=False)
    status: Status | None = field(default=None, init=False)
    detail: str = field(default="", init=False)
    reason: str = field(default="", init=False)
    deadline: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.deadline = self.now + self.ring_seconds

    def handle(self, event: Event, now: float) -> tuple[Command, ...]:
        """Take an event; what the state has no rule for is ignored."""
        rule = self._rule(event)
        if rule is None:
            return ()
        if isinstance(event, Declined):
            self.reason = event.reason
        elif isinstance(event, DeadlinePassed) and self.state is State.BRIEFING:
            self.reason = self.late
        if Command.TELL in rule.commands:
            self.status = rule.status or getattr(event, "status", None) or Status.FAILED
            self.detail = getattr(event, "detail", "") if isinstance(event, Failed | Declined) else ""
            self.detail = self.detail or rule.detail or getattr(event, "detail", "")
        commands = rule.commands
        if self.stays:
            commands = tuple(one for one in commands if one is not Command.DROP_CALLER)
        if Command.LEAVE in commands and self.refer:
            commands += (Command.REFER,)
            rule = Rule(State.HANDING_OVER)
        if rule.next is not self.state:
            self.state = rule.next
            self.deadline = now + self._seconds()
        return commands

    def _rule(self, event: Event) -> Rule | None:
        if isinstance(event, Referred):
            if self.state is not State.HANDING_OVER:
                return None
            return _SENT_ON if event.ok else _STAY
        if self.agent_lost and isinstance(event, Failed) and self.state in (State.DIALLING, State.BRIEFING):
            return _CONNECT if self.state is State.BRIEFING else None
        return RULES[self.state].get(type(event))

    def _seconds(self) -> float:
        match self.state:
            case State.BRIEFING:
                return self.brief_seconds
            case State.CONNECTING:
                return CONNECT_SECONDS
            case State.HANDING_OVER:
                return REFER_SECONDS
        return float("inf")
