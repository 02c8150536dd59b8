"""An agent that answers at once and asks for what the caller says next."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from gateway.conversation import commands as c
from gateway.conversation import events as e

READY_MS = 150
"""From the commit to the first clause at the gateway."""
SAMPLES = 4800
_SPOKEN_MS = 600


class Agent:
    """Carries out the turn machine's commands of the agent's side; `due` gives the events that come of it.

    :param question: what the agent waits for at a moment, and how it asks
    """

    def __init__(self, question: Callable[[int], tuple[str, str]]) -> None:
        self._question = question
        self._events: list[tuple[int, int, e.Event]] = []
        self._order = itertools.count()
        self._utterance = 0

    @property
    def next_ms(self) -> float:
        """When the next event comes."""
        return self._events[0][0] if self._events else float("inf")

    def due(self, now: int) -> list[e.Event]:
        """The events until now, in order."""
        events = []
        while self._events and self._events[0][0] <= now:
            events.append(heapq.heappop(self._events)[2])
        return events

    def carry_out(self, command: c.Command, now: int) -> None:
        """Take a command."""
        match command:
            case c.CommitReply(reply=reply):
                self._answer(reply, now + READY_MS)
            case c.StopReply(reply=reply):
                self._forget(lambda event: getattr(event, "reply", None) == reply)
            case c.CutUtterances(up_to=last):
                self._forget(lambda event: getattr(event, "utterance", last + 1) <= last)
                self._add(e.PlayoutReported(now + 1, last, SAMPLES // 2, e.PlayoutState.CUT))
            case _:
                pass

    def _answer(self, reply: int, at: int) -> None:
        self._utterance += 1
        expects, text = self._question(at)
        self._add(e.UtteranceQueued(at, reply, self._utterance, text))
        self._add(e.UtteranceVoiced(at, self._utterance, SAMPLES, True))
        self._add(e.ReplyFinished(at, reply, expects))
        self._add(e.PlayoutReported(at + 40, self._utterance, 160, e.PlayoutState.PLAYING))
        self._add(e.PlayoutReported(at + _SPOKEN_MS, self._utterance, SAMPLES, e.PlayoutState.FINISHED))

    def _add(self, event: e.Event) -> None:
        heapq.heappush(self._events, (event.at, next(self._order), event))

    def _forget(self, what: Callable[[e.Event], bool]) -> None:
        self._events = [entry for entry in self._events if not what(entry[2])]
        heapq.heapify(self._events)
