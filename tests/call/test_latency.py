from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.latency import ALL_PARTS, PARTS, TurnLatencies

WORKER = {"turn": 1, "speech_end_ms": 1000, "endpointing": 300, "transcriber": 40, "model": 20, "voice": 60}


def joined(order: tuple[str, ...], *, sent_ms: int = 1440, silent_ms: int = 0) -> list[dict[str, Any]]:
    """What is complete when the three things that must be known come in this order, each twice."""
    complete: list[dict[str, Any]] = []
    latencies = TurnLatencies(complete.append)
    tell: dict[str, Callable[[bool], None]] = {
        "parts": lambda _: latencies.parts(WORKER),
        "waited": lambda again: latencies.waited(1, 500 if again else 24.6),
        "sent": lambda again: latencies.sent(1, 9000 if again else sent_ms, silent_ms=silent_ms),
    }
    for again in (False, True):
        for name in order:
            tell[name](again)
    return complete


@pytest.mark.parametrize("order", list(permutations(("parts", "waited", "sent"))), ids="-".join)
def test_what_is_known_meets_in_any_order_and_once(order: tuple[str, ...]) -> None:
    assert joined(order) == [{**WORKER, "jitter_buffer": 25, "playout": 20, "total": 465}]


def test_silence_before_the_first_sound_is_the_voices() -> None:
    (turn,) = joined(("parts", "waited", "sent"), silent_ms=80)
    assert (turn["voice"], turn["playout"], turn["total"]) == (140, 20, 545)


numbers = st.integers(0, 3000)


@given(st.lists(numbers, min_size=4, max_size=4), st.integers(0, 10_000), st.integers(0, 20_000), numbers, numbers)
def test_the_parts_always_add_up_to_the_whole(
    parts: list[int], speech_end_ms: int, sent_ms: int, waited_ms: int, silent_ms: int
) -> None:
    complete: list[dict[str, Any]] = []
    latencies = TurnLatencies(complete.append)
    latencies.parts({"turn": 2, "speech_end_ms": speech_end_ms, **dict(zip(PARTS, parts, strict=True))})
    latencies.waited(2, waited_ms)
    latencies.sent(2, sent_ms, silent_ms=silent_ms)
    (turn,) = complete
    assert sum(turn[part] for part in ALL_PARTS) == turn["total"]
    assert min(turn[part] for part in ALL_PARTS) >= 0
    if sent_ms >= speech_end_ms:
        assert turn["total"] == waited_ms + sent_ms - speech_end_ms + silent_ms


def test_what_the_worker_saw_too_late_is_taken_off_its_last_parts() -> None:
    (turn,) = joined(("parts", "waited", "sent"), sent_ms=1350)
    assert [turn[part] for part in ALL_PARTS] == [25, 300, 40, 10, 0, 0]


def test_the_greeting_is_no_turn() -> None:
    complete: list[dict[str, Any]] = []
    latencies = TurnLatencies(complete.append)
    latencies.sent(0, 100)
    assert not complete
    assert not latencies.close()


def test_a_turn_that_was_never_heard_keeps_what_the_worker_knew() -> None:
    latencies = TurnLatencies(lambda _: None)
    latencies.parts(WORKER)
    latencies.waited(1, 20)
    assert latencies.close() == [WORKER]


def test_a_call_that_ends_before_the_leg_answered_is_complete_without_it() -> None:
    complete: list[dict[str, Any]] = []
    latencies = TurnLatencies(complete.append)
    latencies.parts(WORKER)
    latencies.sent(1, 1440)
    assert latencies.close() == []
    assert [(turn["jitter_buffer"], turn["total"]) for turn in complete] == [(0, 440)]
