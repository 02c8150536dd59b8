from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.latency import ALL_PARTS, PARTS, TurnLatencies

WORKER = {"turn": 1, "speech_end_ms": 1000, "endpointing": 300, "transcriber": 40, "model": 20, "voice": 60}


def joined(*, parts_first: bool, sent_ms: int = 1440, silent_ms: int = 0) -> list[dict[str, Any]]:
    """What is complete when both sides come in this order, each twice."""
    complete: list[dict[str, Any]] = []
    latencies = TurnLatencies(complete.append)
    if parts_first:
        latencies.parts(WORKER, waited_ms=24.6)
    latencies.sent(1, sent_ms, silent_ms=silent_ms)
    if not parts_first:
        latencies.parts(WORKER, waited_ms=24.6)
    latencies.sent(1, 9000)
    latencies.parts(WORKER, waited_ms=500)
    return complete


@pytest.mark.parametrize("parts_first", [True, False])
def test_both_sides_meet_whichever_comes_first_and_once(parts_first: bool) -> None:
    assert joined(parts_first=parts_first) == [{**WORKER, "jitter_buffer": 25, "playout": 20, "total": 465}]


def test_silence_before_the_first_sound_is_the_voices() -> None:
    (turn,) = joined(parts_first=True, silent_ms=80)
    assert (turn["voice"], turn["playout"], turn["total"]) == (140, 20, 545)


numbers = st.integers(0, 3000)


@given(st.lists(numbers, min_size=4, max_size=4), st.integers(0, 10_000), st.integers(0, 20_000), numbers, numbers)
def test_the_parts_always_add_up_to_the_whole(
    parts: list[int], speech_end_ms: int, sent_ms: int, waited_ms: int, silent_ms: int
) -> None:
    complete: list[dict[str, Any]] = []
    latencies = TurnLatencies(complete.append)
    data = {"turn": 2, "speech_end_ms": speech_end_ms, **dict(zip(PARTS, parts, strict=True))}
    latencies.parts(data, waited_ms=waited_ms)
    latencies.sent(2, sent_ms, silent_ms=silent_ms)
    (turn,) = complete
    assert sum(turn[part] for part in ALL_PARTS) == turn["total"]
    assert min(turn[part] for part in ALL_PARTS) >= 0
    if sent_ms >= speech_end_ms:
        assert turn["total"] == waited_ms + sent_ms - speech_end_ms + silent_ms


def test_what_the_worker_saw_too_late_is_taken_off_its_last_parts() -> None:
    (turn,) = joined(parts_first=True, sent_ms=1350)
    assert [turn[part] for part in ALL_PARTS] == [25, 300, 40, 10, 0, 0]


def test_the_greeting_is_no_turn() -> None:
    complete: list[dict[str, Any]] = []
    latencies = TurnLatencies(complete.append)
    latencies.sent(0, 100)
    assert not complete
    assert not latencies.close()


def test_a_turn_that_was_never_heard_keeps_what_the_worker_knew() -> None:
    latencies = TurnLatencies(lambda _: None)
    latencies.parts(WORKER, waited_ms=20)
    assert latencies.close() == [{**WORKER, "jitter_buffer": 20}]
