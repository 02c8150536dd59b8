"""The turn machine of a session as it runs: one event after the other, its deadline met, its commands carried out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gateway.conversation.commands import Command
from gateway.conversation.events import Event, TimePassed
from gateway.conversation.turn import TurnMachine
from gateway.worker.announcements import Announcements
from gateway.worker.clock import CallClock
from gateway.worker.recording import RecordingSender
from gateway.worker.timer import DeadlineTimer


class TurnLoop:
    """Of one session.

    :param carry_out: does what the machine commands; it may dispatch further events
    :param crash: told what the machine raised at a deadline, where nobody else hears of it
    :param tell_ending: told when the call is to end after what is being said, and why; empty when it is not any more
    :param recording: keeps events and decisions, where they are wanted
    """

    def __init__(
        self,
        machine: TurnMachine,
        clock: CallClock,
        *,
        carry_out: Callable[[Command], None],
        announcements: Announcements,
        crash: Callable[[Exception], None],
        tell_ending: Callable[[str], None],
        recording: RecordingSender | None,
    ) -> None:
        self._machine = machine
        self._carry_out = carry_out
        self._announcements = announcements
        self._crash = crash
        self._tell_ending = tell_ending
        self._ending = ""
        self._recording = recording
        self._events: deque[Event] = deque()
        self._dispatching = False
        self._timer = DeadlineTimer(clock, self._time_up)

    @property
    def turn(self) -> int:
        """The last turn that was taken."""
        return self._machine.turn

    @property
    def between_turns(self) -> bool:
        """Nobody speaks, and nothing is owed."""
        return self._machine.between_turns and not self._events

    def dispatch(self, event: Event) -> None:
        """Tell the turn machine, and carry out what it wants. Events that come of that are told afterwards."""
        self._events.append(event)
        if self._dispatching:
            return
        self._dispatching = True
        try:
            while self._events:
                for command in self._decide(self._events.popleft()):
                    self._carry_out(command)
        finally:
            self._dispatching = False
        self._timer.set(self._machine.deadline)

    def flush(self) -> None:
        """Send what was recorded and waits."""
        if self._recording is not None:
            self._recording.flush()

    def close(self) -> None:
        """Meet no deadline any more."""
        self.flush()
        self._timer.cancel()

    def _decide(self, event: Event) -> list[Command]:
        """What the turn machine makes of an event. The one that broke it is recorded, too."""
        commands: list[Command] = []
        self._announcements.see(event)
        try:
            commands = self._machine.handle(event)
        finally:
            if self._recording is not None:
                self._recording.add(event, commands, self._machine.deadline)
        if self._machine.ending != self._ending:
            self._ending = self._machine.ending
            self._tell_ending(self._ending)
        return commands

    def _time_up(self, at_ms: int) -> None:
        try:
            self.dispatch(TimePassed(at_ms))
        except Exception as error:  # noqa: BLE001  border: a loop callback; the session raises it
            self._crash(error)
