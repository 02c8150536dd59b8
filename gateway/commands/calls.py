"""`parley calls`: recorded calls, and the timeline of one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping

import typer
from rich.console import Console
from rich.table import Table

from gateway.call.calls import Calls
from gateway.call.latency import PARTS
from gateway.call.media import Media
from gateway.call.prices import PriceBook
from gateway.call.record import CallRecord, DialAttempt, Latency
from gateway.commands.bill import bill
from gateway.commands.pauses import evidence_of, explained
from gateway.commands.waterfall import summary, waterfall
from gateway.conversation.recording import Recording, read_recordings
from gateway.errors import RecordingError
from gateway.settings import Settings

_TO_PERSON = {"agent": "to the other side", "person": "the other side"}
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


def show(settings: Settings, call_id: str, *, as_json: bool = False) -> None:
    """Print one call.

    :param call_id: the id or its unique beginning
    :raises ParleyError: when there is no such call, or several begin like this
    """
    calls = Calls(settings.data_dir, PriceBook(settings.prices))
    record = calls.get(calls.whole_id(call_id))
    if as_json:
        data = {**record.model_dump(mode="json"), "latency_summary": summary(record.latency)}
        typer.echo(json.dumps(data, ensure_ascii=False, indent=1))
        return
    evidence = evidence_of(_events(calls, record))
    parts = [_head(calls, record), _timeline(record, evidence), waterfall(record.latency), bill(record), _path(record)]
    console = _console()
    for index, lines in enumerate(filter(None, map(list, parts))):
        if index:
            console.print()
        for line in lines:
            console.print(line, markup=False)


def _events(calls: Calls, record: CallRecord) -> list[Recording]:
    """What was recorded of the conversation, as far as this version can read it."""
    try:
        with calls.events_path(record.id).open(encoding="utf-8", errors="replace") as lines:
            return read_recordings(lines)
    except (OSError, RecordingError):
        return []


def _console() -> Console:
    """As wide as the terminal; wide enough for every line where there is none."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 1000)


def _head(calls: Calls, record: CallRecord) -> Iterator[str]:
    trunk = f" by trunk {record.trunk}" if record.trunk else ""
    yield f"{record.id}: {record.direction} call from {record.caller} to {record.called}{trunk}"
    yield f"{record.started_at.astimezone():%A %d %B %Y %H:%M:%S}, {_length(record)}, assistant {record.assistant}"
    yield f"ended by {record.end_reason}" if record.end_reason else "going on"
    yield from map(_attempt, record.attempts)
    if record.failure:
        yield f"failure: {record.failure}"
    if record.recording:
        yield f"recording: {calls.directory / record.recording}"
    if record.events:
        yield f"events: {calls.directory / record.events} (parley replay {record.id})"


def _attempt(attempt: DialAttempt) -> str:
    """One INVITE, in one line."""
    where = f" at {attempt.gateway}" if attempt.gateway else ""
    by = f" by trunk {attempt.trunk}" if attempt.trunk else ""
    return f"dialled {attempt.destination}{where}{by}: {attempt.status} {attempt.reason} after {attempt.ms} ms"


def _timeline(record: CallRecord, evidence: Mapping[int, str]) -> Iterator[str]:
    for at_ms, who, what in sorted(_lines(record, evidence)):
        yield f"{at_ms / 1000:8.2f} s  {who:8} {what}"


def _lines(record: CallRecord, evidence: Mapping[int, str]) -> Iterator[Line]:
    for turn in record.turns:
        yield turn.at_ms, turn.role, turn.text
        if turn.role == "agent" and turn.interrupted:
            yield turn.at_ms, "", f"interrupted; the caller heard: {turn.heard or 'nothing'}"
    for call in record.tool_calls:
        answer = call.error or call.result or "no answer"
        took = f" ({call.duration_ms} ms)" if call.duration_ms is not None else ""
        yield call.at_ms, "tool", f"{call.name} {call.arguments} → {answer}{took}"
        for asked in call.requests:
            tries = f" in {asked.attempts} attempts" if asked.attempts > 1 else ""
            came = asked.error or f"{asked.status}, read as: {asked.parse}"
            yield call.at_ms, "", f"{asked.method} {asked.url} → {came} ({asked.ms} ms{tries})"
    for transfer in record.transfers:
        mode = f" ({transfer.mode})" if transfer.mode else ""
        why = f", {transfer.detail}" if transfer.detail else ""
        yield transfer.at_ms, "transfer", f"to {transfer.destination}{mode}: {transfer.status}{why}"
        yield from ((transfer.at_ms, "", _attempt(attempt)) for attempt in transfer.attempts)
        yield from ((said.at_ms, "", f"{_TO_PERSON[said.role]}: {said.text}") for said in transfer.said)
    for pause in record.pauses:
        yield pause.at_ms, "pause", explained(pause, evidence)
    for latency in record.latency:
        yield latency.speech_end_ms, "latency", _latency(latency)
    for note in record.notes:
        yield note["at_ms"], "note", ", ".join(f"{key} {value}" for key, value in note.items() if key != "at_ms")


def _latency(turn: Latency) -> str:
    """The whole; what is known of the parts where the answer was never heard."""
    if turn.total is not None:
        return f"turn {turn.turn} answered after {turn.total:.0f} ms"
    known = " + ".join(f"{part} {getattr(turn, part):.0f}" for part in PARTS)
    return f"turn {turn.turn} not answered: {known} ms"


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
        yield from _quality(media)


def _quality(media: Media) -> Iterator[str]:
    """The same figures as somebody would say them who listened; nothing where none are known."""
    for what, mos, loss, jitter in (
        ("heard here", media.mos, media.loss_percent, media.jitter_max_ms),
        ("heard there", media.mos_remote, media.loss_percent_remote, media.jitter_remote_max_ms),
    ):
        if mos is not None:
            yield f"{what}: MOS {mos:.1f}, loss {loss:.1f} %, jitter at most {jitter:.1f} ms"


def _length(record: CallRecord) -> str:
    if record.duration_ms is None:
        return "not answered" if record.ended_at else "going on"
    minutes, seconds = divmod(round(record.duration_ms / 1000), 60)
    return f"{minutes}:{seconds:02}"
