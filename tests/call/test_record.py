from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.call import endings
from gateway.call.journal import Entry
from gateway.call.record import CallRecord, build_record

CALL = Entry(
    0,
    "call",
    {
        "id": "c1",
        "direction": "inbound",
        "caller": "sip:alice@h",
        "called": "sip:600@h",
        "trunk": None,
        "signalling_id": "x",
        "assistant": "desk",
        "started_at": "2030-01-01T10:00:00+00:00",
    },
)
STATISTICS: dict[str, Any] = {
    "codec": "PCMU",
    "packets_received": 1500,
    "packets_sent": 1500,
    "packets_lost": 3,
    "packets_lost_remote": 0,
    "jitter_ms": 2.5,
    "round_trip_ms": None,
}
ENDED: dict[str, Any] = {
    "at": "2030-01-01T10:00:31.500+00:00",
    "reason": endings.CUSTOMER_ENDED,
    "sip_status": 200,
    "underruns": 1,
    "underrun_ms": 60,
    "recording": "c1.wav",
    "events": "c1.events.jsonl",
    "path": "memory -> playout",
}


def record(*entries: Entry) -> CallRecord:
    built = build_record([CALL, *entries])
    assert built is not None
    return built


def test_a_whole_call_in_the_order_of_its_journal() -> None:
    built = record(
        Entry(0, "worker", {"worker": "worker-1"}),
        Entry(0, "answered", {"at": "2030-01-01T10:00:01+00:00"}),
        Entry(900, "agent-turn", {"turn": 0, "text": "Hello.", "heard": "Hello.", "interrupted": False}),
        Entry(3000, "caller-turn", {"turn": 1, "text": "where is my order"}),
        Entry(3100, "tool-call", {"turn": 1, "id": "t1", "name": "order", "arguments": {"id": 7}}),
        Entry(
            3300, "tool-result", {"turn": 1, "id": "t1", "name": "order", "ok": True, "result": "on its way", "ms": 180}
        ),
        Entry(
            6000, "agent-turn", {"turn": 1, "text": "It is on its way to you.", "heard": "It is", "interrupted": True}
        ),
        Entry(30_000, "statistics", STATISTICS),
        Entry(30_000, "ended", ENDED),
    )
    assert [(turn.role, turn.text, turn.heard, turn.interrupted) for turn in built.turns] == [
        ("agent", "Hello.", "Hello.", False),
        ("caller", "where is my order", None, False),
        ("agent", "It is on its way to you.", "It is", True),
    ]
    (tool,) = built.tool_calls
    assert (tool.name, tool.arguments, tool.result, tool.error, tool.duration_ms) == (
        "order",
        {"id": 7},
        "on its way",
        None,
        180,
    )
    assert built.answered_at == datetime(2030, 1, 1, 10, 0, 1, tzinfo=UTC)
    assert built.duration_ms == 30_500
    assert (built.worker, built.end_reason, built.sip_status) == ("worker-1", endings.CUSTOMER_ENDED, 200)
    assert built.media is not None
    assert built.media.packets_lost == 3


def test_what_a_tool_asked_of_a_server_stands_beside_it() -> None:
    asked = {"url": "http://shop/", "method": "POST", "status": 200, "ms": 9, "attempts": 2, "key": "c:1:t1"}
    said = {"request": "{}", "response": "[]", "parse": "any JSON"}
    entries = [
        Entry(1, "tool-call", {"id": "t1", "name": "order", "arguments": {}}),
        Entry(2, "tool-request", {"id": "t1", "name": "order", **asked, **said}),
        Entry(3, "tool-request", {"id": "another", **asked}),
    ]
    (request,) = record(*entries).tool_calls[0].requests
    assert request.model_dump(exclude_none=True) == {**asked, **said}


def test_a_tool_that_failed_shows_its_error() -> None:
    built = record(
        Entry(1, "tool-call", {"id": "t1", "name": "order", "arguments": {}}),
        Entry(2, "tool-result", {"id": "t1", "ok": False, "result": "could not be reached", "ms": 5}),
    )
    assert (built.tool_calls[0].result, built.tool_calls[0].error) == (None, "could not be reached")


def test_a_pause_has_its_verdict() -> None:
    built = record(
        Entry(1000, "pause", {"pause": 1, "onset_ms": 960, "utterance": 4, "position": 800}),
        Entry(2000, "pause", {"pause": 2, "onset_ms": 1960, "utterance": 4, "position": 1600}),
        Entry(1300, "verdict", {"pause": 1, "decision": "resume", "reason": "backchannel"}),
    )
    assert [(pause.decision, pause.reason, pause.decided_ms) for pause in built.pauses] == [
        ("resume", "backchannel", 1300),
        ("none", "", None),
    ]


def test_latency_keeps_its_parts_and_the_whole() -> None:
    parts = {"turn": 1, "speech_end_ms": 1000, "endpointing": 300, "transcriber": 0, "model": 20, "voice": 60}
    built = record(Entry(1500, "latency", {**parts, "playout": 20, "total": 400, "utterance": 3}))
    (latency,) = built.latency
    assert (latency.endpointing, latency.playout, latency.total) == (300, 20, 400)


def test_a_call_whose_gateway_died_has_a_record_all_the_same() -> None:
    built = record(Entry(0, "answered", {"at": "2030-01-01T10:00:01+00:00"}), Entry(5, "caller-turn", {"text": "hi"}))
    assert built.end_reason == endings.GATEWAY_DIED
    assert built.ended_at is None
    assert len(built.turns) == 1


def test_kinds_that_a_newer_worker_writes_are_no_error() -> None:
    assert record(Entry(1, "utterance", {"text": "x"}), Entry(2, "whatever", {})).turns == []


def test_without_its_first_line_a_journal_is_no_call() -> None:
    assert build_record([]) is None
    assert build_record([Entry(0, "note", {})]) is None


def test_a_record_is_read_back_as_it_was_written() -> None:
    built = record(Entry(30_000, "ended", ENDED))
    assert CallRecord.model_validate_json(built.model_dump_json()) == built


def test_a_turn_is_dated_by_when_it_was_said_not_by_when_it_was_written_down() -> None:
    built = record(
        Entry(80, "speaking", {"utterance": 1}),
        Entry(900, "agent-turn", {"turn": 0, "text": "Hello.", "heard": "Hello."}),
        Entry(3400, "caller-turn", {"turn": 1, "text": "where is my order", "start_ms": 1500, "end_ms": 3000}),
        Entry(3480, "speaking", {"utterance": 2}),
        Entry(6000, "agent-turn", {"turn": 1, "text": "It is on its way.", "heard": "It is on its way."}),
        Entry(30_000, "ended", ENDED),
    )
    assert [(turn.at_ms, turn.end_ms) for turn in built.turns] == [(80, 900), (1500, 3000), (3480, 6000)]
