from __future__ import annotations

import pytest

from bench.measured_turn import MeasuredTurn, first_sent_ms


def test_the_parts_of_a_turn_add_up_to_the_whole_on_the_wire() -> None:
    recorded = {"speech_end_ms": 2860, "endpointing": 400, "jitter_buffer": 10, "total": 420}
    turn = MeasuredTurn(wire=440.0, buffering=15.0, dating=12.0, recorded=recorded)
    assert turn.overhead == 40
    assert turn.rest == 13
    assert turn.buffering + turn.dating + turn.endpointing + turn.rest == turn.wire
    assert turn.apart == pytest.approx(20)
    assert first_sent_ms(recorded) == 3270
