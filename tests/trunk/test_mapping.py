"""The address that a registrar sees us at."""

from __future__ import annotations

from gateway.trunk.mapping import ASK_SECONDS, Mapping

HERE, THERE = "203.0.113.5:5060", "203.0.113.5:61000"


def test_it_is_asked_for_at_once_and_then_in_turn() -> None:
    mapping = Mapping()
    assert [mapping.take(now) for now in (0.0, 1.0, ASK_SECONDS - 1, ASK_SECONDS)] == [True, False, False, True]


def test_another_address_than_last_time_is_told_once() -> None:
    mapping = Mapping()
    answers = [mapping.answered(seen) for seen in (HERE, HERE, THERE, THERE, "", THERE)]
    assert answers == [False, False, True, False, False, False]
