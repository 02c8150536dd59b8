from __future__ import annotations

from gateway.conversation.timers import Timers


def test_timers_are_due_in_the_order_of_their_moments() -> None:
    timers = Timers()
    timers.set("late", 30)
    timers.set("early", 10)
    timers.set("moved", 5)
    timers.set("moved", 20)
    assert timers.next == 10
    assert [timers.pop_due(25) for _ in range(3)] == ["early", "moved", None]
    assert timers.next == 30


def test_only_the_named_are_kept() -> None:
    timers = Timers()
    for name in ("a", "b", "c"):
        timers.set(name, 1)
    timers.clear("c")
    timers.keep({"b", "c"})
    assert ("a" in timers, "b" in timers, "c" in timers) == (False, True, False)
