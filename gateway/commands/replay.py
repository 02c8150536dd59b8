"""`parley replay`: a recorded conversation once more through the turn machine, and where it decides otherwise now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import SystemRandom
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.assistant.assistant import Assistant
from gateway.call.calls import Calls
from gateway.config import load_assistant
from gateway.conversation.anonymous import anonymous
from gateway.conversation.commands import Command
from gateway.conversation.events import Event, PlayoutReported, PlayoutState, TimePassed, UtteranceVoiced
from gateway.conversation.plan import TurnPlan
from gateway.conversation.recording import Recording, encode, read_recordings
from gateway.conversation.rehearsal import rehearse
from gateway.conversation.replay import ReplayedStep, as_decided_now, replay
from gateway.errors import ParleyError, RecordingError
from gateway.settings import Settings

FIXTURES = Path("tests/conversation/recordings")
"""Where the tests of a checkout look for recordings."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """`assistant` is a name or a file, `fixture` a name or a path; empty for neither."""

    assistant: str = ""
    timeline: bool = False
    as_json: bool = False
    fixture: str = ""
    anonymous: bool = False


def run(settings: Settings, call: str, options: ReplayOptions) -> int:
    """Replay a call, or write it as a fixture; returns the exit status: 1 where decisions differ, else 0.

    :param call: a call's id, its unique beginning, or a file
    :raises ParleyError: no such recording, no such assistant, or the fixture cannot be written
    """
    recordings = _recordings(settings, call)
    assistant = _assistant(settings, options.assistant) if options.assistant else None
    if options.fixture:
        if assistant is not None:
            raise RecordingError("A fixture keeps a call as it was: leave --assistant out.")
        _write_fixture(recordings, options)
        return 0
    steps = [step for recording in recordings for step in _decide(recording, assistant)]
    if options.as_json:
        typer.echo(json.dumps(_as_data(steps, timeline=options.timeline), ensure_ascii=False, indent=1))
    else:
        _print(steps, timeline=options.timeline)
    return int(any(step.differs for step in steps))


def _recordings(settings: Settings, call: str) -> list[Recording]:
    file = Path(call)
    if not file.is_file():
        calls = Calls(settings.data_dir)
        record = calls.get(calls.whole_id(call))
        file = calls.events_path(record.id)
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            return read_recordings(lines)
    except FileNotFoundError:
        raise RecordingError(
            f"The events of call {call} were not recorded; set recording.events to true for the next ones."
        ) from None
    except RecordingError as error:
        raise RecordingError(f"{file}: {error}") from error


def _assistant(settings: Settings, name: str) -> Assistant:
    if name in settings.assistants:
        return settings.assistants[name]
    if Path(name).is_file():
        return load_assistant(Path(name))
    known = ", ".join(settings.assistants) or "none"
    raise ParleyError(f"There is no assistant and no file {name}; the settings have: {known}.")


def _decide(recording: Recording, assistant: Assistant | None) -> Iterable[ReplayedStep]:
    """Again; with an assistant, by its settings and the texts of the call, which were rendered for it."""
    if assistant is None:
        return replay(recording)
    then, now = recording.plan, TurnPlan.of(assistant, str)
    return rehearse(recording, replace(now, greeting=then.greeting or now.greeting, farewell=then.farewell))


# ---------------------------------------------------------------- fixtures


def _write_fixture(recordings: Sequence[Recording], options: ReplayOptions) -> None:
    path = _fixture_path(options.fixture)
    now = [as_decided_now(recording) for recording in recordings]
    kept: set[str] = set()
    if options.anonymous:
        for index, recording in enumerate(now):
            now[index], words = anonymous(recording, SystemRandom())
            kept |= words
    try:
        path.write_text("".join(recording.lines() for recording in now), encoding="utf-8")
    except OSError as error:
        raise RecordingError(f"{path} cannot be written: {error.strerror}.") from error
    typer.echo(f"Written to {path}: {sum(len(recording.steps) for recording in now)} events with today's decisions.")
    if options.anonymous:
        typer.echo(f"Words that stayed, because decisions hang on them: {', '.join(sorted(kept)) or 'none'}.")


def _fixture_path(name: str) -> Path:
    path = Path(name)
    if path.parent == Path() and not path.suffix:
        if not FIXTURES.is_dir():
            raise RecordingError(f"There is no {FIXTURES} here; give a path, such as --fixture ./{name}.jsonl.")
        path = FIXTURES / f"{name}.jsonl"
    return path


# ---------------------------------------------------------------- what is shown


def _print(steps: Sequence[ReplayedStep], *, timeline: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if timeline:
        for step in steps:
            if _matters(step):
                for line in _story(step):
                    console.print(line)
    elif any(step.differs for step in steps):
        console.print(_side_by_side(steps), soft_wrap=False)
    console.print(_summary(steps), markup=False)


def _summary(steps: Sequence[ReplayedStep]) -> str:
    recorded = sum(len(step.recorded) for step in steps)
    differing = [step for step in steps if step.differs]
    if not differing:
        return f"{len(steps)} events, {recorded} decisions, no difference"
    otherwise = f"{len(differing)} moments decided otherwise, the first at {differing[0].event.at} ms"
    return f"{len(steps)} events, {recorded} decisions, {otherwise}"


def _matters(step: ReplayedStep) -> bool:
    """A reader wants to see it: it decided something, or says what somebody did."""
    event = step.event
    routine = isinstance(event, TimePassed | UtteranceVoiced) or (
        isinstance(event, PlayoutReported) and event.state is PlayoutState.PLAYING
    )
    return not routine or step.differs or bool(step.commands)


def _story(step: ReplayedStep) -> Iterator[Text]:
    """An event and what was decided, line by line; `-` was decided then and not now, `+` now and not then."""
    state = f"  [{step.state}]" if step.state is not None else ""
    yield Text(f"{step.event.at:>8} ms  {describe(step.event)}{state}")
    for command in step.recorded:
        if command not in step.commands:
            yield Text(f"{'':11}  - {describe(command)}", style="red")
    for command in step.commands:
        new = command not in step.recorded
        yield Text(f"{'':11}  {'+' if new else '→'} {describe(command)}", style="green" if new else "")


def _side_by_side(steps: Iterable[ReplayedStep]) -> Table:
    table = Table("at_ms", "event", "decided then", "decided now", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column, ratio in zip(table.columns[1:], (3, 4, 4), strict=True):
        column.ratio, column.overflow = ratio, "fold"
    for step in steps:
        if step.differs:
            table.add_row(
                str(step.event.at), Text(describe(step.event)), _decisions(step.recorded), _decisions(step.commands)
            )
    return table


def _decisions(commands: Iterable[Command]) -> Text:
    return Text("\n".join(map(describe, commands)) or "nothing")


def describe(value: Event | Command) -> str:
    """An event or a command in one line, without its time and what is as usual."""
    parts = [
        f"{name} {json.dumps(content, ensure_ascii=False)}"
        for name, content in json.loads(encode(value)).items()
        if name not in ("event", "command", "at", "words")
    ]
    return " ".join([type(value).__name__, ", ".join(parts)]).strip()


def _as_data(steps: Sequence[ReplayedStep], *, timeline: bool) -> dict[str, Any]:
    """For machines: figures and every difference, with `timeline` every step."""
    shown = steps if timeline else [step for step in steps if step.differs]
    return {
        "events": len(steps),
        "decisions": sum(len(step.recorded) for step in steps),
        "differences": sum(step.differs for step in steps),
        "steps": [_step_data(step) for step in shown],
    }


def _step_data(step: ReplayedStep) -> dict[str, Any]:
    return {
        "at_ms": step.event.at,
        "event": json.loads(encode(step.event)),
        "state": step.state,
        "recorded": [json.loads(encode(command)) for command in step.recorded],
        "now": [json.loads(encode(command)) for command in step.commands],
        "differs": step.differs,
    }
