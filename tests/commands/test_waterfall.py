from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.call.latency import ALL_PARTS
from gateway.call.record import Latency
from gateway.commands.waterfall import BAR_WIDTH, summary, waterfall


def turn(number: int = 1, **parts: float) -> Latency:
    return Latency.model_validate({"turn": number, "playout": 0, **parts, "total": sum(parts.values())})


def bars(*turns: Latency) -> list[str]:
    return [line.plain[16 : 16 + BAR_WIDTH].rstrip() for line in list(waterfall(turns))[1:-1]]


def test_a_part_is_as_long_as_its_time_and_the_largest_is_in_capitals() -> None:
    (bar,) = bars(turn(jitter_buffer=20, endpointing=240, transcriber=100, model=0, voice=80, playout=40))
    assert bar == "b" * 2 + "E" * 24 + "t" * 10 + "v" * 8 + "p" * 4


def test_bars_of_a_call_share_one_scale() -> None:
    long, short = bars(turn(1, endpointing=400, voice=80), turn(2, endpointing=100, voice=140))
    assert (len(long), len(short)) == (BAR_WIDTH, BAR_WIDTH // 2)
    assert short == "e" * 10 + "V" * 14


@given(st.lists(st.tuples(*[st.integers(0, 3000)] * 6), min_size=1, max_size=5))
def test_no_bar_is_longer_than_the_longest_may_be(rows: list[tuple[int, ...]]) -> None:
    turns = [turn(index, **dict(zip(ALL_PARTS, row, strict=True))) for index, row in enumerate(rows)]
    assert max(map(len, bars(*turns))) <= BAR_WIDTH


def test_figures_say_the_same_as_the_bar_without_colour() -> None:
    lines = [line.plain for line in waterfall([turn(3, jitter_buffer=20, endpointing=400, voice=80)])]
    assert lines[0] == (
        "where the time went, ms: b jitter buffer, e endpointing, t transcriber, m model, v voice, p playout; "
        "capitals and * are the largest part"
    )
    assert lines[1].startswith("turn 3     500  ")
    assert lines[1].endswith("jitter buffer 20 + endpointing 400* + transcriber 0 + model 0 + voice 80 + playout 0")
    assert lines[2] == "1 turn: p50 500 ms, p95 500 ms; largest in 1 of 1: endpointing (p50 400 ms)"


def test_the_summary_is_by_nearest_rank_and_counts_the_largest() -> None:
    turns = [turn(number, endpointing=100 * number, voice=250) for number in range(1, 6)]
    figures = summary(turns)
    assert figures["turns"] == 5
    assert figures["ms"]["total"] == {"p50": 550, "p95": 750}
    assert figures["largest"] == {"endpointing": 3, "voice": 2}


def test_a_turn_that_was_never_answered_is_no_bar() -> None:
    assert list(waterfall([Latency(turn=1, endpointing=400)])) == []
    assert summary([Latency(turn=1)]) == {"turns": 0, "ms": {}, "largest": {}}
