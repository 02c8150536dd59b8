from __future__ import annotations

import pytest

from gateway.errors import LegError
from gateway.sip.wiring import Wiring


class Conference:
    """Slots: a leg's is 100 + its index, loops begin at 200. Keeps what is wired now."""

    def __init__(self) -> None:
        self.wired: set[tuple[int, int]] = set()
        self.loops: list[int] = []

    def slot(self, leg: int) -> int:
        return 100 + leg

    def wire(self, source: int, sink: int, on: bool) -> None:
        (self.wired.add if on else self.wired.discard)((source, sink))

    def open_loop(self, pcm: bytes) -> int:
        self.loops.append(200 + len(self.loops))
        return self.loops[-1]

    def close_loop(self, slot: int) -> None:
        self.wired = {wire for wire in self.wired if slot not in wire}


@pytest.fixture
def conference() -> Conference:
    return Conference()


@pytest.fixture
def wiring(conference: Conference) -> Wiring:
    """Two calls: key 1 in slot 11, key 2 in slot 12."""
    made = Wiring(conference)
    made.place(1, 1, 11, held=False)
    made.place(2, 2, 12, held=False)
    return made


def test_joined_calls_hear_each_other_until_they_are_parted(wiring: Wiring, conference: Conference) -> None:
    wiring.join(1, 2)
    assert conference.wired == {(11, 12), (12, 11)}
    wiring.part(2, 1)
    wiring.part(2, 1)
    assert conference.wired == set()


def test_another_slot_is_wired_like_the_one_before(wiring: Wiring, conference: Conference) -> None:
    wiring.join(1, 2)
    wiring.background(2, b"\1\2")
    conference.wired.clear()
    wiring.place(2, 2, None, held=True)
    assert conference.wired == set()
    wiring.place(2, 2, 22, held=False)
    assert conference.wired == {(11, 22), (22, 11), (200, 22)}


def test_a_shared_agent_rests_while_one_of_them_is_held(wiring: Wiring, conference: Conference) -> None:
    wiring.share(1, 2, True)
    assert conference.wired == {(101, 12), (12, 101)}
    wiring.place(2, 2, 12, held=True)
    assert conference.wired == set()
    wiring.place(2, 2, 12, held=False)
    assert conference.wired == {(101, 12), (12, 101)}
    wiring.share(1, 2, False)
    assert conference.wired == set()


def test_sound_beside_all_else_is_one_at_a_time(wiring: Wiring, conference: Conference) -> None:
    wiring.background(1, b"\1\2")
    wiring.background(1, b"\3\4")
    assert conference.wired == {(201, 11)}
    wiring.background(1, b"")
    assert conference.wired == set()


def test_a_call_that_is_gone_is_joined_to_nobody(wiring: Wiring, conference: Conference) -> None:
    wiring.join(1, 2)
    wiring.remove(2)
    conference.wired.clear()
    wiring.place(1, 1, 13, held=False)
    assert conference.wired == set()
    with pytest.raises(LegError, match="no sound"):
        wiring.join(1, 2)
