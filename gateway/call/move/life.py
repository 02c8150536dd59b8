"""How a call outlives its workers, as a table.

               Lost               Placed                  Spoke
    held ────────────► placing ───────────► settling ───────────► held
                          │ ▲                  │
                          │ └────── Lost ──────┘
                          └─ too late, or too often ──► gone

The rules:

- The old worker is fenced before another is asked, and a worker that takes the call when nobody waits for it any more
  is given up again: never do two have the call.
- `placing` lasts PATIENCE_SECONDS at most; then nobody is left, which the caller is told.
- Nor does a call move for ever: MOST_MOVES without a turn in between are too many, and a session that fails twice in
  the same way would fail at the next worker, too.
- While something is owed to the caller, COMFORT_SECONDS of silence are the longest: a phrase covers the rest, once a
  move.
- What is owed is over when the next worker is heard, or after SETTLE_SECONDS: then the move is told.

Pure: events bring the time as seconds of any steady clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

PATIENCE_SECONDS = 3.0
"""From the loss until a worker must have taken the call: one that is just starting may be there by then."""
SETTLE_SECONDS = 10.0
COMFORT_SECONDS = 0.7
MOST_MOVES = 3


class Because(StrEnum):
    """Why a call left its worker."""

    DEATH = "death"
    FREEZE = "freeze"
    FAILURE = "failure"
    DRAIN = "drain"


class State(StrEnum):
    """Where a call is, as far as its workers are concerned."""

    HELD = "held"
    PLACING = "placing"
    SETTLING = "settling"
    GONE = "gone"
    OVER = "over"


MOVING = frozenset({State.PLACING, State.SETTLING})


class Command(StrEnum):
    """What the shell must do, in order."""

    FENCE = "fence"
    """Nothing of the old worker counts any more; what is here of its speech plays on."""
    PLACE = "place"
    """Ask workers until one takes the call."""
    TAKE = "take"
    COMFORT = "comfort"
    TELL = "tell"
    """The move is over: journal it."""
    DROP = "drop"
    """Give up the worker that took the call too late."""
    GIVE_UP = "give-up"


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker does not have the call any more. `reason`: Vapi's endedReason of a session that failed."""

    because: Because
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A worker took the call. `owed`: the caller waits for something to be said."""

    owed: bool


@dataclass(frozen=True, slots=True)
class NoneLeft:
    """No worker is there that could do better."""


@dataclass(frozen=True, slots=True)
class Silent:
    """Something is owed, and nobody has spoken for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Spoke:
    """The worker is heard."""


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """The conversation went on by a turn of either side."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is ending, or its agent has left it."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The state's time is over."""


Event = Lost | Placed | NoneLeft | Silent | Spoke | TurnTaken | Ended | DeadlinePassed


@dataclass(frozen=True, slots=True)
class Rule:
    """What an event does in a state."""

    next: State
    commands: tuple[Command, ...] = ()


_PLACE = Rule(State.PLACING, (Command.FENCE, Command.PLACE))
_ENOUGH = Rule(State.GONE, (Command.FENCE, Command.GIVE_UP))
_GIVE_UP = Rule(State.GONE, (Command.GIVE_UP,))
_SETTLED = Rule(State.HELD, (Command.TELL,))
_OVER = Rule(State.OVER)
_DROP = (Command.DROP,)

RULES: Mapping[State, Mapping[type[Event], Rule]] = {
    State.HELD: {Lost: _PLACE, Placed: Rule(State.HELD, _DROP), Ended: _OVER},
    State.PLACING: {
        Placed: Rule(State.SETTLING, (Command.TAKE,)),
        NoneLeft: _GIVE_UP,
        DeadlinePassed: _GIVE_UP,
        Ended: _OVER,
    },
    State.SETTLING: {
        Lost: Rule(State.PLACING, (Command.TELL, *_PLACE.commands)),
        Placed: Rule(State.SETTLING, _DROP),
        Spoke: _SETTLED,
        TurnTaken: _SETTLED,
        DeadlinePassed: _SETTLED,
        Ended: Rule(State.OVER, (Command.TELL,)),
    },
    State.GONE: {Placed: Rule(State.GONE, _DROP), Ended: _OVER},
    State.OVER: {Placed: Rule(State.OVER, _DROP)},
}


@dataclass(slots=True)
class Life:
    """State of one call's place on workers."""

    state: State = field(default=State.HELD, init=False)
    deadline: float = field(default=float("inf"), init=False)
    _moves: int = field(default=0, init=False)
    """Since the last turn."""
    _failure: str = field(default="", init=False)
    """What failed last, since the last turn."""
    _comforted: bool = field(default=False, init=False)

    @property
    def moving(self) -> bool:
        """Whether the call is on its way, or the caller waits for what the move has delayed."""
        return self.state in MOVING

    def handle(self, event: Event, now: float) -> tuple[Command, ...]:
        """Take an event; what the state has no rule for is ignored."""
        if isinstance(event, Silent):
            return self._comfort(event.seconds)
        rule = RULES[self.state].get(type(event))
        if isinstance(event, TurnTaken):
            self._moves, self._failure = 0, ""
        if rule is None:
            return ()
        if isinstance(event, Lost):
            rule = self._move(event, rule)
        elif isinstance(event, Placed) and not event.owed and rule.next is State.SETTLING:
            rule = Rule(State.HELD, (*rule.commands, Command.TELL))
        if rule.next is not self.state:
            self.state = rule.next
            self.deadline = now + self._seconds()
        return rule.commands

    def _move(self, event: Lost, rule: Rule) -> Rule:
        again = bool(event.reason) and event.reason == self._failure
        self._moves += 1
        self._failure = event.reason
        self._comforted = False
        if not again and self._moves <= MOST_MOVES:
            return rule
        return Rule(_ENOUGH.next, (*(one for one in rule.commands if one is Command.TELL), *_ENOUGH.commands))

    def _comfort(self, seconds: float) -> tuple[Command, ...]:
        if not self.moving or self._comforted or seconds < COMFORT_SECONDS:
            return ()
        self._comforted = True
        return (Command.COMFORT,)

    def _seconds(self) -> float:
        match self.state:
            case State.PLACING:
                return PATIENCE_SECONDS
            case State.SETTLING:
                return SETTLE_SECONDS
        return float("inf")
