from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.latency import TurnLatency

moments = st.integers(0, 20_000)


@given(moments, moments, moments, st.one_of(st.none(), moments), moments)
def test_the_parts_are_never_negative_and_add_up(end: int, due: int, text: int, clause: int | None, sent: int) -> None:
    parts = TurnLatency(1, end, due, text, clause).parts(sent)
    assert min(parts.values()) >= 0
    assert sum(parts.values()) == max(0, sent - end)


def test_work_inside_the_wait_is_free() -> None:
    parts = TurnLatency(1, 1000, 1400, 1250, 1300).parts(1402)
    assert parts == {"endpointing": 400, "transcriber": 0, "model": 0, "voice": 2}


def test_work_after_the_wait_counts_from_what_was_before() -> None:
    parts = TurnLatency(1, 1000, 1400, 1600, 2100).parts(2200)
    assert parts == {"endpointing": 400, "transcriber": 200, "model": 500, "voice": 100}
