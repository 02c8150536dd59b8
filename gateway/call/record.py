"""The final record of a call: what its journal says, in the order that a reader wants.

Everything in it comes from journal entries, so the record of a call whose gateway died is built the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.call import endings
from gateway.call.costs import Cost, CostBreakdown, Number, breakdown_of, costs_of
from gateway.call.journal import Entry
from gateway.call.leg import Direction
from gateway.call.media import Media
from gateway.call.prices import PriceBook
from gateway.call.transfer.second_legs import SecondLegs
from gateway.providers.usage import Usage, read_usage


class Part(BaseModel):
    """A part of a record. Times `at_ms` are the call clock."""

    model_config = ConfigDict(extra="ignore")


class Turn(Part):
    """Something said from `at_ms` to `end_ms`. For the agent `text` was sent to the voice and `heard` reached the
    caller."""

    at_ms: int
    end_ms: int | None = None
    role: Literal["caller", "agent"]
    text: str
    heard: str | None = None
    interrupted: bool = False
    turn: int | None = None


class ToolRequest(Part):
    """What a tool asked of a server, with what came back: the journal's `tool-request`."""

    url: str = ""
    method: str = ""
    status: int = 0
    ms: int = 0
    attempts: int = 1
    request: str = ""
    response: str = ""
    parse: str = ""
    key: str = ""
    error: str | None = None


class ToolCall(Part):
    """A tool that the model used."""

    at_ms: int
    id: str = ""
    name: str = ""
    arguments: Any = None
    result: Any = None
    error: str | None = None
    duration_ms: int | None = None
    requests: list[ToolRequest] = []


class Latency(Part):
    """Arrival of the caller's last speech in RTP to the first sound of the answer in RTP, ms; the parts add up to
    `total`."""

    turn: int = 0
    speech_end_ms: int = 0
    jitter_buffer: float = 0
    endpointing: float = 0
    transcriber: float = 0
    model: float = 0
    voice: float = 0
    playout: float | None = None
    total: float | None = None


class Pause(Part):
    """The caller spoke over the agent."""

    at_ms: int
    onset_ms: int
    pause: int
    utterance: int
    position: int
    decision: str = "none"
    reason: str = ""
    decided_ms: int | None = None


class DialAttempt(Part):
    """An INVITE of an outbound call: through which gateway of which trunk, and what became of it."""

    trunk: str | None = None
    gateway: str | None = None
    destination: str = ""
    status: int
    reason: str = ""
    ms: int = 0


class Said(Part):
    """Something that was said to the person of a transfer (`agent`), or by them."""

    at_ms: int
    role: Literal["agent", "person"]
    text: str


class Transfer(Part):
    """The call was to go to somebody else. `status` is Vapi's, or `requested` or `answered` while it goes on."""

    at_ms: int
    destination: str
    mode: str = ""
    status: str
    detail: str = ""
    said: list[Said] = []
    attempts: list[DialAttempt] = []


class CallRecord(Part):
    """One call, as it is kept. `cost` is USD, the sum of `costs`, and what `cost_breakdown` has as its total."""

    id: str
    direction: Direction
    caller: str
    called: str
    trunk: str | None = None
    signalling_id: str = ""
    assistant: str
    worker: str | None = None
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: int | None = None
    end_reason: str = endings.GATEWAY_DIED
    sip_status: int | None = None
    failure: str | None = None
    attempts: list[DialAttempt] = []
    turns: list[Turn] = []
    speaking_since: int | None = Field(default=None, exclude=True)
    tool_calls: list[ToolCall] = []
    transfers: list[Transfer] = []
    second_legs: SecondLegs = Field(default_factory=SecondLegs, exclude=True)
    latency: list[Latency] = []
    pauses: list[Pause] = []
    notes: list[dict[str, Any]] = []
    media: Media | None = None
    underruns: int = 0
    underrun_ms: int = 0
    dropped_caller_ms: int = 0
    recording: str | None = None
    capture: str | None = None
    events: str | None = None
    path: str = ""
    usage: list[Usage] = Field(default=[], exclude=True)
    costs: list[Cost] = []
    cost_breakdown: CostBreakdown = CostBreakdown()
    cost: Number = Decimal(0)


def build_record(entries: Iterable[Entry], prices: PriceBook | None = None) -> CallRecord | None:
    """The record that a journal amounts to; None when its first line is missing.

    :param prices: what the providers charge; None for the list prices
    """
    record: CallRecord | None = None
    clock_ms = 0
    for entry in entries:
        if record is None:
            record = CallRecord.model_validate(entry.data) if entry.kind == "call" else None
        elif reader := _READERS.get(entry.kind):
            reader(record, entry)
        clock_ms = max(clock_ms, entry.at_ms)
    if record is not None:
        _reckon(record, clock_ms, prices or PriceBook())
    return record


def _reckon(record: CallRecord, clock_ms: int, prices: PriceBook) -> None:
    seconds = None if record.duration_ms is None else Decimal(record.duration_ms) / 1000
    usage = [*record.usage, *record.second_legs.usage]
    lines = record.second_legs.lines(clock_ms)
    record.costs = costs_of(usage, seconds, record.trunk, prices, second_legs=lines)
    record.cost_breakdown = breakdown_of(record.costs)
    record.cost = record.cost_breakdown.total


def _dial_attempt(record: CallRecord, entry: Entry) -> None:
    """The trunk of a call is the one that it ended on."""
    attempt = DialAttempt.model_validate(entry.data)
    if entry.data.get("transfer"):
        if record.transfers:
            record.transfers[-1].attempts.append(attempt)
        return
    record.attempts.append(attempt)
    record.trunk = attempt.trunk


def _caller_turn(record: CallRecord, entry: Entry) -> None:
    data = entry.data
    start_ms, end_ms = _whole(data.get("start_ms")), _whole(data.get("end_ms"))
    at_ms = entry.at_ms if start_ms is None else start_ms
    record.turns.append(
        Turn(at_ms=at_ms, end_ms=end_ms, role="caller", text=_text(data), turn=_whole(data.get("turn")))
    )


def _speaking(record: CallRecord, entry: Entry) -> None:
    record.speaking_since = entry.at_ms


def _agent_turn(record: CallRecord, entry: Entry) -> None:
    data = entry.data
    heard = data.get("heard")
    since, record.speaking_since = record.speaking_since, None
    record.turns.append(
        Turn(
            at_ms=entry.at_ms if since is None else since,
            end_ms=entry.at_ms,
            role="agent",
            text=_text(data),
            heard=None if heard is None else str(heard),
            interrupted=bool(data.get("interrupted")),
            turn=_whole(data.get("turn")),
        )
    )


def _tool_call(record: CallRecord, entry: Entry) -> None:
    data = entry.data
    record.tool_calls.append(
        ToolCall(
            at_ms=entry.at_ms,
            id=str(data.get("id", "")),
            name=str(data.get("name", "")),
            arguments=data.get("arguments"),
        )
    )


def _tool_request(record: CallRecord, entry: Entry) -> None:
    for call in reversed(record.tool_calls):
        if call.id == str(entry.data.get("id", "")):
            call.requests.append(ToolRequest.model_validate(entry.data))
            return


def _tool_result(record: CallRecord, entry: Entry) -> None:
    for call in reversed(record.tool_calls):
        if call.id == str(entry.data.get("id", "")):
            ok = entry.data.get("ok", True)
            call.result = entry.data.get("result") if ok else None
            call.error = None if ok else str(entry.data.get("result", ""))
            call.duration_ms = _whole(entry.data.get("ms"))
            return


def _transfer(record: CallRecord, entry: Entry) -> None:
    record.second_legs.tell(entry.data, entry.at_ms)
    data, status = entry.data, str(entry.data.get("status", ""))
    destination = data.get("destination")
    to: Mapping[str, Any] = destination if isinstance(destination, Mapping) else {}
    if status == "requested" or not record.transfers:
        name = str(to.get("sipUri") or to.get("number") or "")
        record.transfers.append(Transfer(at_ms=entry.at_ms, destination=name, status=status))
    last = record.transfers[-1]
    last.status, last.detail = status, str(data.get("detail", ""))
    last.mode = str(data.get("mode") or last.mode)


def _transfer_talk(record: CallRecord, entry: Entry) -> None:
    what, text = entry.data.get("what"), str(entry.data.get("heard") or _text(entry.data))
    if what in ("agent-turn", "caller-turn") and text and record.transfers:
        at_ms = _whole(entry.data.get("start_ms"))
        role: Literal["agent", "person"] = "agent" if what == "agent-turn" else "person"
        record.transfers[-1].said.append(Said(at_ms=entry.at_ms if at_ms is None else at_ms, role=role, text=text))


def _transfer_usage(record: CallRecord, entry: Entry) -> None:
    record.second_legs.used(entry.data)


def _latency(record: CallRecord, entry: Entry) -> None:
    record.latency.append(Latency.model_validate(entry.data))


def _pause(record: CallRecord, entry: Entry) -> None:
    record.pauses.append(Pause.model_validate({"at_ms": entry.at_ms, **entry.data}))


def _verdict(record: CallRecord, entry: Entry) -> None:
    for pause in reversed(record.pauses):
        if pause.pause == entry.data.get("pause"):
            pause.decision = str(entry.data.get("decision", "none"))
            pause.reason = str(entry.data.get("reason", ""))
            pause.decided_ms = entry.at_ms
            return


def _note(record: CallRecord, entry: Entry) -> None:
    record.notes.append({"at_ms": entry.at_ms, **entry.data})


def _moved(record: CallRecord, entry: Entry) -> None:
    record.notes.append({"at_ms": entry.at_ms, "event": "moved", **entry.data})


def _usage(record: CallRecord, entry: Entry) -> None:
    record.usage = [read_usage(row) for row in entry.data.get("rows", ())]


def _worker(record: CallRecord, entry: Entry) -> None:
    record.worker = str(entry.data.get("worker", ""))


def _answered(record: CallRecord, entry: Entry) -> None:
    record.answered_at = datetime.fromisoformat(entry.data["at"])


def _failure(record: CallRecord, entry: Entry) -> None:
    record.failure = str(entry.data.get("detail", ""))


def _statistics(record: CallRecord, entry: Entry) -> None:
    record.media = Media.model_validate(entry.data)


def _ended(record: CallRecord, entry: Entry) -> None:
    data = entry.data
    record.ended_at = datetime.fromisoformat(data["at"])
    record.end_reason = data["reason"]
    record.sip_status = data.get("sip_status")
    record.underruns = data.get("underruns", 0)
    record.underrun_ms = data.get("underrun_ms", 0)
    record.dropped_caller_ms = data.get("dropped_caller_ms", 0)
    record.recording = data.get("recording")
    record.capture = data.get("capture")
    record.events = data.get("events")
    record.path = data.get("path", "")
    if record.answered_at is not None:
        record.duration_ms = round((record.ended_at - record.answered_at).total_seconds() * 1000)


_READERS: Mapping[str, Callable[[CallRecord, Entry], None]] = {
    "dial-attempt": _dial_attempt,
    "caller-turn": _caller_turn,
    "speaking": _speaking,
    "agent-turn": _agent_turn,
    "tool-call": _tool_call,
    "tool-request": _tool_request,
    "tool-result": _tool_result,
    "transfer": _transfer,
    "transfer-talk": _transfer_talk,
    "transfer-usage": _transfer_usage,
    "latency": _latency,
    "pause": _pause,
    "verdict": _verdict,
    "note": _note,
    "moved": _moved,
    "usage": _usage,
    "worker": _worker,
    "answered": _answered,
    "failure": _failure,
    "statistics": _statistics,
    "ended": _ended,
}


def _text(data: Mapping[str, Any]) -> str:
    return str(data.get("text", ""))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
