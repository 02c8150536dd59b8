"""Recordings of conversations: what happened to the turn machine and what it decided, as lines of JSON.

A line with the plan opens a conversation; each further line is one event, with the commands that it gave and with the
deadline of the machine after it where that changed:

    {"version":"0.1.0","plan":{"greeting":"Hello.",…}}
    {"event":"Started","at":0,"commands":[{"command":"PrepareSpeech","reply":1,…}],"deadline":180000}
    {"event":"Answered","at":40,"commands":[{"command":"CommitReply","reply":1}],"deadline":15040}

Values that are the default of their field are left out. A second plan is that of a worker that took the call over. The
machine reads nothing but the plan and the events, so the same recording always gives the same commands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter, ValidationError

from gateway import __version__
from gateway.conversation.commands import Command
from gateway.conversation.events import Event
from gateway.conversation.plan import TurnPlan
from gateway.errors import RecordingError

Value = TypeVar("Value", Event, Command)

_PLAN: TypeAdapter[TurnPlan] = TypeAdapter(TurnPlan)
_KINDS: Mapping[str, Mapping[str, type[Any]]] = {
    "event": {kind.__name__: kind for kind in get_args(Event)},
    "command": {kind.__name__: kind for kind in get_args(Command)},
}
_ADAPTERS: Mapping[type[Any], TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kinds in _KINDS.values() for kind in kinds.values()
}
_HEADS: Mapping[type[Any], str] = {
    kind: f'{{"{name}":"{kind.__name__}"' for name, kinds in _KINDS.items() for kind in kinds.values()
}


@dataclass(frozen=True, slots=True)
class Step:
    """One event, the commands that it gave, and what the machine's deadline was after it, ms of the call clock."""

    event: Event
    commands: tuple[Command, ...] = ()
    deadline: int | None = None


@dataclass(slots=True)
class Recording:
    """One conversation as it was recorded by `version` of Parley."""

    plan: TurnPlan
    version: str = __version__
    steps: list[Step] = field(default_factory=list)

    def lines(self) -> str:
        """The recording as text that `read_recordings` reads."""
        recorder = Recorder(self.plan, version=self.version)
        for step in self.steps:
            recorder.add(step.event, step.commands, step.deadline)
        return recorder.take()


class Recorder:
    """Collects the lines of a conversation until somebody takes them.

    Values are kept as they are and written when they are taken: a turn does not wait for it.
    """

    def __init__(self, plan: TurnPlan, *, version: str = __version__) -> None:
        self._opening = f'{{"version":{json.dumps(version)},"plan":{_PLAN.dump_json(plan).decode()}}}\n'
        self._steps: list[Step] = []
        self._deadline: int | None = None

    def add(self, event: Event, commands: Iterable[Command], deadline: int | None) -> None:
        """An event that the machine took, what it gave, and the deadline after it."""
        self._steps.append(Step(event, tuple(commands), deadline))

    def take(self) -> str:
        """The lines since the last time; empty when nothing happened."""
        steps, self._steps = self._steps, []
        opening, self._opening = self._opening, ""
        return opening + "".join(map(self._line, steps))

    def _line(self, step: Step) -> str:
        parts = [encode(step.event)[:-1]]
        if step.commands:
            parts.append(f'"commands":[{",".join(map(encode, step.commands))}]')
        if step.deadline != self._deadline:
            self._deadline = step.deadline
            parts.append(f'"deadline":{json.dumps(step.deadline)}')
        return ",".join(parts) + "}\n"


def encode(value: Event | Command) -> str:
    """An event or a command as a JSON object that names its class first."""
    kind = type(value)
    values = _ADAPTERS[kind].dump_json(value, exclude_defaults=True).decode()
    return _HEADS[kind] + (f",{values[1:]}" if len(values) > 2 else "}")


def decode(data: Mapping[str, Any], name: str = "event") -> Any:
    """The value that `encode` wrote; `name` is "event" or "command".

    :raises RecordingError: no such event or command, or a field is wrong
    """
    kind = _KINDS[name].get(str(data.get(name, "")))
    if kind is None:
        raise RecordingError(f"The recorded {name} {dict(data)} has no known kind: another version of Parley wrote it.")
    values = {field: value for field, value in data.items() if field != name}
    unknown = values.keys() - {field.name for field in fields(kind)}
    try:
        if not unknown:
            return _ADAPTERS[kind].validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise RecordingError(
            f"The recorded {name} {dict(data)} is not valid: {_place(first)}: {first['msg']}."
        ) from error
    raise RecordingError(f"The recorded {name} {dict(data)} is not valid: {', '.join(unknown)} is not known.")


def read_recordings(lines: Iterable[str]) -> list[Recording]:
    """The conversations of a file; a last line that a crash cut short is left out.

    :raises RecordingError: the first line is no plan, or another line cannot be read
    """
    recordings: list[Recording] = []
    rows = [row for row in lines if row.strip()]
    for number, row in enumerate(rows, start=1):
        try:
            data = json.loads(row)
        except ValueError as error:
            if number == len(rows) > 1:
                break
            raise RecordingError(f"Line {number} of the recording is no JSON: {error}.") from error
        if "plan" in data:
            recordings.append(_opened(data))
        elif recordings:
            recordings[-1].steps.append(_step(data, recordings[-1].steps))
        else:
            raise RecordingError("The first line of the recording is not a plan.")
    if not recordings:
        raise RecordingError("The recording is empty.")
    return recordings


def _opened(data: Mapping[str, Any]) -> Recording:
    try:
        return Recording(_PLAN.validate_python(data["plan"]), str(data.get("version", "")))
    except ValidationError as error:
        first = error.errors()[0]
        raise RecordingError(f"The plan of the recording is not valid: {_place(first)}: {first['msg']}.") from error


def _step(data: dict[str, Any], before: list[Step]) -> Step:
    deadline = data.pop("deadline", before[-1].deadline if before else None)
    commands = tuple(decode(command, "command") for command in data.pop("commands", ()))
    return Step(decode(data), commands, deadline)


def _place(error: Any) -> str:
    return ".".join(map(str, error["loc"])) or "it"
