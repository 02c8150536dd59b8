"""Recording the events of a conversation, and running them through the turn machine again.

A recording has one JSON object per line: the plan first, then every event in its order, each with its class under
"event". The machine reads nothing but these, so the same recording always gives the same commands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from typing import Any, TextIO, get_args

from pydantic import TypeAdapter

from gateway.conversation.commands import Command
from gateway.conversation.events import Event, PlayoutReported, PlayoutState, UtteranceVoiced, WordSpan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.turn import TurnMachine
from gateway.errors import ParleyError

_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
_PLAN = TypeAdapter(TurnPlan)


class RecordingError(ParleyError):
    """A line of a recording cannot be read."""


class Recorder:
    """Writes a conversation's events to a file as they happen."""

    def __init__(self, file: TextIO, plan: TurnPlan) -> None:
        self._file = file
        self._write({"plan": asdict(plan)})

    def record(self, event: Event) -> None:
        """Add an event."""
        self._write(encode(event))

    def _write(self, data: dict[str, Any]) -> None:
        self._file.write(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")


def encode(event: Event) -> dict[str, Any]:
    """An event as a JSON object, without what is as usual."""
    usual = {field.name: field.default for field in fields(event)}
    data = {name: value for name, value in asdict(event).items() if value != usual[name]}
    return {"event": type(event).__name__, **data}


def decode(data: dict[str, Any]) -> Event:
    """The event that `encode` wrote.

    :raises RecordingError: no such event, or a field is wrong
    """
    values = dict(data)
    kind = _EVENTS.get(values.pop("event", ""))
    try:
        if kind is UtteranceVoiced:
            values["words"] = tuple(WordSpan(**word) for word in values.get("words", ()))
        elif kind is PlayoutReported:
            values["state"] = PlayoutState(values["state"])
        if kind is not None:
            return kind(**values)
    except (TypeError, ValueError, KeyError) as error:
        raise RecordingError(f"The recorded event {data} is not valid: {error}.") from error
    raise RecordingError(f"The recorded event {data} has no known kind.")


def read_recording(lines: Iterable[str]) -> tuple[TurnPlan, Iterator[Event]]:
    """The plan and the events of a recording.

    :raises RecordingError: the first line is no plan, or, while iterating, a line is no event
    """
    rest = iter(lines)
    try:
        plan = _PLAN.validate_python(json.loads(next(rest, ""))["plan"])
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"The first line of the recording is not a plan: {error}.") from error
    return plan, (decode(json.loads(line)) for line in rest if line.strip())


def replay(lines: Iterable[str]) -> Iterator[tuple[Event, list[Command]]]:
    """Run a recording through a new machine: each event with the commands that it gives.

    :raises RecordingError: a line cannot be read
    """
    plan, events = read_recording(lines)
    machine = TurnMachine(plan)
    for event in events:
        yield event, machine.handle(event)
