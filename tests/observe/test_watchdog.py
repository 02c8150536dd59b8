"""A sign of life only while every part moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.observe.watchdog import Watchdog, beat_seconds, stuck_parts

LIMIT_NS = 1_000


@given(st.dictionaries(st.text(), st.integers(0, 10_000)), st.integers(0, 10_000))
def test_exactly_the_parts_whose_last_move_is_too_old_are_stuck(heartbeats: dict[str, int], now_ns: int) -> None:
    stuck = stuck_parts(heartbeats, now_ns=now_ns, limit_ns=LIMIT_NS)
    for part, beat_ns in heartbeats.items():
        assert (part in stuck) == (beat_ns > 0 and now_ns - beat_ns > LIMIT_NS)


def test_a_part_that_has_not_started_is_not_stuck() -> None:
    assert not stuck_parts({"media thread": 0}, now_ns=10**12, limit_ns=LIMIT_NS)


def test_signs_of_life_stop_while_a_part_is_stuck_and_go_on_afterwards() -> None:
    beats = {"owner thread": 100, "media thread": 100}
    signs: list[int] = []
    watchdog = Watchdog(lambda: beats, lambda: signs.append(beats["owner thread"]), limit_ns=LIMIT_NS)
    watchdog.judge(200)
    assert len(signs) == 1
    beats["owner thread"] = 2_000
    watchdog.judge(2_000)
    assert len(signs) == 1
    assert watchdog.stuck == {"media thread"}
    beats["media thread"] = 2_100
    watchdog.judge(2_200)
    assert len(signs) == 2
    assert not watchdog.stuck


@given(watchdog_ms=st.integers(3, 60_000), percent=st.integers(1, 500))
def test_the_last_sign_of_life_comes_within_half_of_systemds_limit_after_a_part_froze(
    watchdog_ms: int, percent: int
) -> None:
    watchdog_ns = watchdog_ms * 1_000_000
    frozen_ns = watchdog_ns * percent // 100
    now_ns, signs = 0, [0]
    watchdog = Watchdog(
        lambda: {"media clock": min(now_ns, frozen_ns)}, lambda: signs.append(now_ns), limit_ns=watchdog_ns // 2
    )
    while not watchdog.stuck:
        now_ns += int(beat_seconds(watchdog_ns / 1e9) * 1e9)
        watchdog.judge(now_ns)
    assert signs[-1] - frozen_ns <= watchdog_ns // 2


def test_three_judgements_fit_into_the_limit_of_systemd() -> None:
    assert beat_seconds(30) == 10
    assert beat_seconds(None) == 1
