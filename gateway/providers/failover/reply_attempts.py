"""Which models are asked for one reply, and when: decisions alone, without clock or socket.

The reply is asked of the first candidate in use. When its first piece is later than it usually is, a second request is
made, and the first that speaks wins. A candidate that fails, or is silent for too long, is given up for the next one,
which goes on behind what was passed on already. When all were asked, one is asked once more; then the reply has failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.providers.base import ReplyEnd, ReplyPart, SpokenDelta, TextDelta, ToolCall
from gateway.providers.health import Circuit

LEAST_HEDGE_SECONDS = 0.3
"""A second request this early costs more than it wins."""
PATIENCE = 4
"""What is left when nothing else can be asked is waited for, for this many times the deadline of a first piece."""


@dataclass(frozen=True, slots=True)
class AttemptRules:
    """`FailoverSettings` as far as they concern models; seconds."""

    first_token_seconds: float = 1.5
    token_seconds: float = 1.5
    hedge: bool = True


# ---------------------------------------------------------------- what happens


@dataclass(frozen=True, slots=True)
class Came:
    """A piece of an attempt's reply. Text may be empty: then it is a sign of life."""

    attempt: int
    part: ReplyPart


@dataclass(frozen=True, slots=True)
class Broke:
    """An attempt failed; without an error it ended before the reply did."""

    attempt: int
    error: ProviderError | None = None


# ---------------------------------------------------------------- what is to be done


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a candidate (its place in the order), to go on behind `said`. `after` is the error that made it necessary."""

    attempt: int
    candidate: int
    said: str
    after: ProviderError | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Cancel an attempt."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Pass:
    """Pass a piece on."""

    part: ReplyPart


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing more comes: the reply is complete, or has failed with an error."""

    error: ProviderError | None = None


Step = Ask | Drop | Pass | Over


@dataclass(slots=True)
class _Attempt:
    """A request under way. `probing`: it tries a half-open circuit, and has to tell what came of it."""

    number: int
    candidate: int
    began: float
    probing: bool
    latest: float
    spoke: bool = False
    late: bool = False
    hedged: bool = False


@dataclass(slots=True)
class ReplyAttempts:
    """The attempts at one reply. Feed `start` once, then `handle`, also when `deadline` has come; carry out the steps.

    :param circuits: of the candidates, in their order
    :param said: text of this reply that was on its way before
    :param single: candidates that answer a call's requests one at a time: they are never asked beside themselves
    """

    circuits: Sequence[Circuit]
    rules: AttemptRules
    said: str = ""
    single: frozenset[int] = frozenset()
    _live: dict[int, _Attempt] = field(default_factory=dict)
    _asked: set[int] = field(default_factory=set)
    _retryable: list[int] = field(default_factory=list)
    _asked_again: bool = False
    _waits_since: float = 0.0
    _count: int = 0
    _answered: bool = False
    _called: bool = False
    _empty: bool = False
    _over: bool = False
    _error: ProviderError | None = None
    _steps: list[Step] = field(default_factory=list)

    # ------------------------------------------------------------ events

    def start(self, now: float) -> list[Step]:
        """The reply is wanted."""
        self._waits_since = now
        self._ask_next(now)
        return self._taken()

    def handle(self, event: Came | Broke | None, now: float) -> list[Step]:
        """Something happened, or time passed."""
        attempt = self._live.get(event.attempt) if event is not None else None
        if isinstance(event, Came) and attempt is not None:
            self._came(attempt, event.part, now)
        elif isinstance(event, Broke) and attempt is not None:
            self._failed(attempt, event.error or ProviderUnavailable("The model broke off."), now)
        if not self._over:
            self._look(now)
        return self._taken()

    def abandon(self) -> None:
        """Nobody wants the reply any more."""
        for attempt in self._live.values():
            self._abandon(attempt)

    @property
    def deadline(self) -> float | None:
        """When `handle` wants to be called without an event."""
        return min(self._moments(), default=None)

    def _taken(self) -> list[Step]:
        steps, self._steps = self._steps, []
        return steps

    # ------------------------------------------------------------ time

    def _moments(self) -> Iterator[float]:
        for attempt in self._live.values():
            if attempt.spoke:
                yield attempt.latest + self.rules.token_seconds
            elif not attempt.late:
                yield attempt.began + self.rules.first_token_seconds
        if (hedge_at := self._hedge_at()) is not None:
            yield hedge_at
        if self._live and not self._speaking:
            yield self._given_up_at

    @property
    def _given_up_at(self) -> float:
        return self._waits_since + PATIENCE * self.rules.first_token_seconds

    def _look(self, now: float) -> None:
        """What is due by now."""
        for attempt in list(self._live.values()):
            if attempt.spoke and now >= attempt.latest + self.rules.token_seconds:
                self._failed(attempt, _silent(self.rules.token_seconds, "further piece"), now)
            elif self._is_late(attempt, now):
                self._late(attempt, now)
        hedge_at = self._hedge_at()
        if hedge_at is not None and now >= hedge_at:
            self._hedge(now)
        elif self._live and not self._speaking and now >= self._given_up_at:
            self._give_up()

    def _is_late(self, attempt: _Attempt, now: float) -> bool:
        return not (attempt.spoke or attempt.late) and now >= attempt.began + self.rules.first_token_seconds

    def _late(self, attempt: _Attempt, now: float) -> None:
        """It counts as a failure, and runs on beside the next one, which may be no quicker."""
        attempt.late, attempt.probing = True, False
        self._error = _silent(self.rules.first_token_seconds, "first piece")
        self.circuits[attempt.candidate].failed(now, self._error)
        self._retryable.append(attempt.candidate)
        if all(other.late for other in self._live.values()):
            self._ask_next(now)

    def _hedge_at(self) -> float | None:
        """When a second request is due beside the only one."""
        if not self.rules.hedge or len(self._live) != 1:
            return None
        (attempt,) = self._live.values()
        usual_ms = self.circuits[attempt.candidate].first_ms_p95
        if attempt.spoke or attempt.late or attempt.hedged or usual_ms is None:
            return None
        due = max(LEAST_HEDGE_SECONDS, usual_ms / 1000)
        return attempt.began + due if due < self.rules.first_token_seconds else None

    # ------------------------------------------------------------ whom to ask

    def _hedge(self, now: float) -> None:
        (attempt,) = self._live.values()
        attempt.hedged = True
        other = self._admitted(now)
        if other is None and not self._asked_again and attempt.candidate not in self.single:
            other, self._asked_again = attempt.candidate, True
        if other is not None:
            self._ask(other, now)

    def _ask_next(self, now: float) -> None:
        """Ask whoever is left; when nobody is and nothing runs, the reply has failed."""
        chosen = self._admitted(now)
        if chosen is None and all(attempt.late for attempt in self._live.values()):
            chosen = self._last_resort(now)
            if chosen is None and not self._asked_again:
                chosen = next((n for n in self._retryable if self._may_be_asked_again(n, now)), None)
                self._asked_again = chosen is not None
        if chosen is not None:
            self._ask(chosen, now)
        elif not self._live:
            self._give_up()

    def _may_be_asked_again(self, candidate: int, now: float) -> bool:
        busy = candidate in self.single and any(attempt.candidate == candidate for attempt in self._live.values())
        return not (busy or self.circuits[candidate].left_alone(now))

    def _admitted(self, now: float) -> int | None:
        """The first that was not asked yet and is in use."""
        for number, circuit in enumerate(self.circuits):
            if number not in self._asked and circuit.admits(now):
                return number
        return None

    def _last_resort(self, now: float) -> int | None:
        """One that is out of use is better than none, unless it asked to be left alone."""
        left = [n for n in range(len(self.circuits)) if n not in self._asked and not self.circuits[n].left_alone(now)]
        return min(left, key=lambda n: self.circuits[n].open_seconds(now), default=None)

    def _ask(self, candidate: int, now: float) -> None:
        for late in [attempt for attempt in self._live.values() if attempt.late][:-1]:
            self._drop(late)
        self._count += 1
        self._asked.add(candidate)
        probing = self.circuits[candidate].state(now) == "half-open"
        self._live[self._count] = _Attempt(self._count, candidate, now, probing, now)
        self._steps.append(Ask(self._count, candidate, self.said, self._error))

    # ------------------------------------------------------------ what comes of it

    @property
    def _speaking(self) -> bool:
        return any(attempt.spoke for attempt in self._live.values())

    def _came(self, attempt: _Attempt, part: ReplyPart, now: float) -> None:
        attempt.latest = now
        if isinstance(part, ReplyEnd) and not (self._answered or self.said):
            self._came_to_nothing(attempt, now)
            return
        if not attempt.spoke:
            self._wins(attempt, now)
        match part:
            case TextDelta(text=text):
                self.said += text
                self._answered = self._answered or bool(text.strip())
                if not text:
                    return
            case SpokenDelta(text=text):
                self.said = f"{self.said} {text}".strip()
                self._answered = True
            case ToolCall():
                self._answered = self._called = True
        self._steps.append(Pass(part))
        if isinstance(part, ReplyEnd):
            self._end()

    def _wins(self, attempt: _Attempt, now: float) -> None:
        """The first that speaks is taken; whoever was asked before it was slower than it may be."""
        attempt.spoke, attempt.probing = True, False
        for other in [other for other in self._live.values() if other is not attempt]:
            circuit = self.circuits[other.candidate]
            if other.began <= attempt.began:
                circuit.late(1000 * (now - other.began))
                if other.candidate != attempt.candidate and not other.late:
                    circuit.failed(now, ProviderTimeout("Its first piece was later than usual, and another's came."))
                    other.probing = False
            if other.candidate != attempt.candidate and not other.late:
                self._asked.discard(other.candidate)
            self._drop(other)
        self.circuits[attempt.candidate].succeeded(1000 * (now - attempt.began))

    def _failed(self, attempt: _Attempt, error: ProviderError, now: float) -> None:
        self._drop(attempt, told=True)
        self._error = error
        if not attempt.late:
            self.circuits[attempt.candidate].failed(now, error)
        if not error.permanent:
            self._retryable.append(attempt.candidate)
        if self._called:
            # What it wanted done is known: nothing is asked twice for the sake of what would have come behind it.
            self._steps.append(Pass(ReplyEnd()))
            self._end()
            return
        if attempt.spoke:
            self._waits_since = now
        self._ask_next(now)

    def _came_to_nothing(self, attempt: _Attempt, now: float) -> None:
        """An empty reply is asked again: the caller waits for an answer. It says nothing against the provider."""
        self.circuits[attempt.candidate].succeeded()
        self._drop(attempt, told=True)
        self._empty = True
        self._retryable.append(attempt.candidate)
        self._ask_next(now)

    def _drop(self, attempt: _Attempt, *, told: bool = False) -> None:
        del self._live[attempt.number]
        if not told:
            self._abandon(attempt)
        self._steps.append(Drop(attempt.number))

    def _abandon(self, attempt: _Attempt) -> None:
        if attempt.probing:
            self.circuits[attempt.candidate].abandoned()

    def _end(self, error: ProviderError | None = None) -> None:
        for attempt in list(self._live.values()):
            self._drop(attempt)
        self._over = True
        self._steps.append(Over(error))

    def _give_up(self) -> None:
        if self._empty:
            self._steps.append(Pass(ReplyEnd()))
            self._end()
            return
        self._end(self._error or self._why_left_alone())

    def _why_left_alone(self) -> ProviderError:
        """Nobody was asked: the preferred one's own word says more than that, and decides how the call ends."""
        known = self.circuits[0].last_failure
        return known or ProviderUnavailable("Every model asked to be left alone for now.")


def _silent(seconds: float, what: str) -> ProviderTimeout:
    return ProviderTimeout(f"No {what} of the model's reply came for {seconds:g} s.")
