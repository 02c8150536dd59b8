"""Running a recorded conversation through the turn machine again, in virtual time.

With the rules that it was recorded with, the machine decides as it did. With other ones, it may want to act at a moment
at which nothing was recorded: then the time of its deadline passes there. `rehearsal` does it with another plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.conversation.commands import Command
from gateway.conversation.events import Event, TimePassed
from gateway.conversation.recording import Recording, Step
from gateway.conversation.states import State
from gateway.conversation.turn import TurnMachine


@dataclass(frozen=True, slots=True)
class ReplayedStep:
    """An event with what was decided then and what is decided now; `state` is the machine's after it, None where the
    event comes no more."""

    event: Event
    recorded: tuple[Command, ...]
    commands: tuple[Command, ...]
    deadline: int | None
    state: State | None

    @property
    def differs(self) -> bool:
        """It is decided otherwise now."""
        return self.recorded != self.commands


def replay(recording: Recording) -> Iterator[ReplayedStep]:
    """Run a recording through a new machine."""
    machine = TurnMachine(recording.plan)
    expected: int | None = machine.deadline
    for step in recording.steps:
        # The shell was some ms late at times, and so is the replay; but not where another moment is waited for.
        while machine.deadline is not None and machine.deadline != expected and machine.deadline < step.event.at:
            yield _take(machine, TimePassed(machine.deadline), ())
        yield _take(machine, step.event, step.commands)
        expected = step.deadline


def _take(machine: TurnMachine, event: Event, recorded: tuple[Command, ...]) -> ReplayedStep:
    commands = tuple(machine.handle(event))
    return ReplayedStep(event, recorded, commands, machine.deadline, machine.state)


def as_decided_now(recording: Recording) -> Recording:
    """The recording with the decisions of today in place of those that were recorded."""
    steps = [Step(step.event, step.commands, step.deadline) for step in replay(recording)]
    return Recording(recording.plan, steps=steps)
