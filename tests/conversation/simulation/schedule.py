"""Virtual time: actions at their moments, and processes that wait between their steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush


class Signal:
    """Something that a process may wait for; once set it stays set."""

    def __init__(self, schedule: Schedule) -> None:
        self.is_set = False
        self._schedule = schedule
        self._waiting: list[Callable[[], None]] = []

    def set(self) -> None:
        """Let everybody go on who waits for it."""
        self.is_set = True
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            self._schedule.after(0, action)

    def then(self, action: Callable[[], None]) -> None:
        """Do it when the signal is set."""
        if self.is_set:
            self._schedule.after(0, action)
        else:
            self._waiting.append(action)


Steps = Iterator[int | Signal]
"""What a process yields: ms to wait, or a signal to wait for."""


class Process:
    """Steps in virtual time. Stopping it is like cancelling a task: it does not go on after its next wait."""

    def __init__(self, schedule: Schedule, steps: Steps) -> None:
        self.over = False
        self._schedule = schedule
        self._steps = steps

    def stop(self) -> None:
        """Do not go on."""
        self.over = True

    def go_on(self) -> None:
        """Run to the next wait."""
        if self.over:
            return
        wait = next(self._steps, None)
        if wait is None:
            self.over = True
        elif isinstance(wait, Signal):
            wait.then(self.go_on)
        else:
            self._schedule.after(wait, self.go_on)


class Schedule:
    """The clock of one conversation, in ms."""

    def __init__(self) -> None:
        self.now = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, ms: int, action: Callable[[], None]) -> None:
        """Do it at `ms`, or now if that is past; what is due at the same time keeps its order."""
        self._count += 1
        heappush(self._heap, (max(ms, self.now), self._count, action))

    def after(self, ms: int, action: Callable[[], None]) -> None:
        """Do it in `ms`."""
        self.at(self.now + ms, action)

    def spawn(self, steps: Steps) -> Process:
        """Start a process; its first step is due now."""
        process = Process(self, steps)
        self.after(0, process.go_on)
        return process

    def run(self, until: Callable[[], bool]) -> None:
        """Jump from moment to moment until `until` holds or nothing is left to do."""
        while self._heap and not until():
            self.now, _, action = heappop(self._heap)
            action()
