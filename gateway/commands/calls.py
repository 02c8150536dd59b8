"""`parley calls`: recorded calls, and the timeline of one."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from gateway.call.calls import Calls
from gateway.call.record import CallRecord
from gateway.settings import Settings

Line = tuple[int, str, str]
"""A moment of the call clock in ms, who, and what."""


def list_calls(settings: Settings, *, limit: int) -> None:
    """Print the newest `limit` calls."""
    table = Table("started", "id", "caller", "called", "assistant", "length", "turns", "ended by", box=None)
    for column in table.columns:
        column.no_wrap, column.overflow = True, "fold"
    for record in Calls(settings.data_dir).newest(limit):
        table.add_row(
            f"{record.started_at.astimezone():%d %b %H:%M:%S}",
            record.id,
            record.caller,
            record.called,
            record.assistant,
            _length(record),
            str(len(record.turns)),
            record.end_reason,
        )
    console = _console()
    if table.row_count:
        console.print(table)
    else:
        console.print(f"No calls yet in {settings.data_dir}.", markup=False)


def show(settings: Settings, call_id: str) -> None:
    """Print one call.

    :param call_id: the id or its unique beginning
    :raises ParleyError: when there is no such call, or several begin like this
    """
    calls = Calls(settings.data_dir)
    record = calls.get(calls.whole_id(call_id))
    for line in [*_head(calls, record), "", *_timeline(record), "", *_path(record)]:
        _console().print(line, markup=False)


def _console() -> Console:
    """As wide as the terminal; wide enough for every line where there is none."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 1000)


def _head(calls: Calls, record: CallRecord) -> Iterator[str]:
    trunk = f" by trunk {record.trunk}" if record.trunk else ""
    yield f"{record.id}: {record.direction} call from {record.caller} to {record.called}{trunk}"
    yield f"{record.started_at.astimezone():%A %d %B %Y %H:%M:%S}, {_length(record)}, assistant {record.assistant}"
    yield f"ended by {record.end_reason}" if record.end_reason else "going on"
    if record.failure:
        yield f"failure: {record.failure}"
    if record.recording:
        yield f"recording: {calls.directory / record.recording}"
    if record.events:
        yield f"events: {calls.directory / record.events} (parley replay {record.id})"


def _timeline(record: CallRecord) -> Iterator[str]:
    for at_ms, who, what in sorted(_lines(record)):
        yield f"{at_ms / 1000:8.2f} s  {who:8} {what}"


def _lines(record: CallRecord) -> Iterator[Line]:
    for turn in record.turns:
        yield turn.at_ms, turn.role, turn.text
        if turn.role == "agent" and turn.interrupted:
            yield turn.at_ms, "", f"interrupted; the caller heard: {turn.heard or 'nothing'}"
    for call in record.tool_calls:
        answer = call.error or call.result or "no answer"
        took = f" ({call.duration_ms} ms)" if call.duration_ms is not None else ""
        yield call.at_ms, "tool", f"{call.name} {call.arguments} → {answer}{took}"
    for pause in record.pauses:
        yield pause.at_ms, "pause", f"caller spoke at {pause.onset_ms / 1000:.2f} s: {pause.decision} {pause.reason}"
    for latency in record.latency:
        yield latency.speech_end_ms, "latency", _latency(latency.model_dump())
    for note in record.notes:
        yield note["at_ms"], "note", ", ".join(f"{key} {value}" for key, value in note.items() if key != "at_ms")


def _latency(parts: dict[str, float | None]) -> str:
    names = ("endpointing", "transcriber", "model", "voice", "playout")
    split = " + ".join(f"{name} {parts[name]:.0f}" for name in names if parts[name] is not None)
    total = parts["total"]
    return f"{total:.0f} ms = {split}" if total is not None else f"{split} ms"


def _path(record: CallRecord) -> Iterator[str]:
    """What the leg says of its path and its packets."""
    if record.path:
        yield record.path
    if media := record.media:
        trip = f", round trip {media.round_trip_ms:.0f} ms" if media.round_trip_ms is not None else ""
        received = f"{media.packets_received} packets received, {media.packets_lost} lost"
        yield f"{media.codec}: {received}, jitter {media.jitter_ms:.1f} ms{trip}"
        sent = f"{media.packets_sent} packets sent, {media.packets_lost_remote} lost"
        yield f"{sent}; {record.underruns} underruns of {record.underrun_ms} ms"


def _length(record: CallRecord) -> str:
    if record.duration_ms is None:
        return "not answered" if record.ended_at else "going on"
    minutes, seconds = divmod(round(record.duration_ms / 1000), 60)
    return f"{minutes}:{seconds:02}"
