"""When a worker counts as frozen."""

from __future__ import annotations

from gateway.link.pulse import ALONE_LOOKS, FREEZE_LOOKS, LOOK_SECONDS, Pulses

OTHERS = "b"


def two() -> Pulses:
    pulses = Pulses()
    for worker in "ab":
        pulses.begin(worker, 0)
        pulses.beat(worker)
    return pulses


def looks_until_frozen(pulses: Pulses, *, beating: str = "b", step: float = LOOK_SECONDS, begin: float = 0) -> int:
    """At `a`, while another one beats."""
    for look in range(1, 1000):
        for other in OTHERS:
            pulses.frozen(other, begin + look * step)
        if beating:
            pulses.beat(beating)
        if pulses.frozen("a", begin + look * step):
            return look
    raise AssertionError("never frozen")


def test_one_that_is_silent_while_another_ticks_is_frozen_after_300_ms() -> None:
    assert looks_until_frozen(two()) == FREEZE_LOOKS + 1


def test_one_that_is_alone_has_longer() -> None:
    assert looks_until_frozen(two(), beating="") > ALONE_LOOKS


def test_what_this_process_slept_through_does_not_count() -> None:
    assert looks_until_frozen(two(), step=0.15) > ALONE_LOOKS


def test_one_that_has_not_begun_to_tick_has_longer() -> None:
    pulses = two()
    pulses.begin("a", 0)
    assert looks_until_frozen(pulses) > ALONE_LOOKS


def test_one_that_came_back_by_itself_is_judged_more_patiently() -> None:
    pulses = two()
    looks_until_frozen(pulses)
    pulses.end("a")
    pulses.begin("a", 2)
    pulses.beat("a")
    assert looks_until_frozen(pulses, begin=2) == 2 * FREEZE_LOOKS + 1


def test_a_stream_that_was_closed_says_nothing_of_others() -> None:
    pulses = two()
    pulses.end("b")
    pulses.beat("a")
    assert looks_until_frozen(pulses, beating="") > ALONE_LOOKS
