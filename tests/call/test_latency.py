from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.call.latency import PARTS, TurnLatencies

WORKER = {"turn": 1, "speech_end_ms": 1000, "endpointing": 300, "transcriber": 40, "model": 20, "voice": 60}


def joined(*, parts_first: bool, sent_ms: int = 1440) -> list[dict[str, Any]]:
    complete: list[dict[str, Any]] = []
    latencies = TurnLatencies(complete.append)
    if parts_first:
        latencies.parts(WORKER)
    latencies.sent(1, sent_ms)
    if not parts_first:
        latencies.parts(WORKER)
    latencies.sent(1, 9000)
    latencies.parts(WORKER)
    return complete


def test_both_sides_meet_whichever_comes_first_and_once() -> None:
    expected = [{**WORKER, "playout": 20, "total": 440}]
    assert joined(parts_first=True) == joined(parts_first=False) == expected


@given(st.lists(st.integers(0, 3000), min_size=4, max_size=4), st.integers(0, 10_000), st.integers(0, 20_000))
def test_the_parts_always_add_up_to_the_whole(parts: list[int], speech_end_ms: int, sent_ms: int) -> None:
    complete: list[dict[str, Any]] = []
    latencies = TurnLatencies(complete.append)
    latencies.parts({"turn": 2, "speech_end_ms": speech_end_ms, **dict(zip(PARTS, parts, strict=True))})
    latencies.sent(2, sent_ms)
    (turn,) = complete
    assert turn["total"] == sent_ms - speech_end_ms
    if turn["total"] >= 0:
        assert sum(turn[part] for part in (*PARTS, "playout")) == turn["total"]
        assert min(turn[part] for part in (*PARTS, "playout")) >= 0


def test_what_the_worker_saw_too_late_is_taken_off_its_last_parts() -> None:
    complete = joined(parts_first=True, sent_ms=1350)
    parts = [complete[0][part] for part in (*PARTS, "playout")]
    assert parts == [300, 40, 10, 0, 0]


def test_the_greeting_is_no_turn() -> None:
    complete: list[dict[str, Any]] = []
    latencies = TurnLatencies(complete.append)
    latencies.sent(0, 100)
    assert not complete
    assert not latencies.close()


def test_a_turn_that_was_never_heard_keeps_what_the_worker_knew() -> None:
    latencies = TurnLatencies(lambda _: None)
    latencies.parts(WORKER)
    assert latencies.close() == [WORKER]
