"""Calls whose audio goes one way, and calls that only look so."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.one_way import Began, Finding, Look, OneWayAudio, Over, Sense, TimedOut

NEVER = 0.0
PACKETS, BYTES = 50, 8000
"""Of a second of G.711."""


class Call:
    """A call looked at once a second, which counts what the test says."""

    def __init__(self, *, start_timeout: float = 20, timeout: float = 30) -> None:
        self.audio = OneWayAudio(start_timeout=start_timeout, timeout=timeout, now=0)
        self.now = 0.0
        self.packets = self.payload_bytes = self.reports = self.sent = self.lost_remote = 0
        self.found: list[tuple[float, Finding]] = []

    def second(
        self, *, packets: int = PACKETS, size: int = 160, sound: bool = True, reports: int = 0, lost_remote: int = 0
    ) -> None:
        self.now += 1
        self.packets += packets
        self.payload_bytes += packets * size
        self.reports += reports
        self.sent += PACKETS
        self.lost_remote += lost_remote
        look = Look(
            self.now, self.packets, self.payload_bytes, self.reports, self.sent, self.lost_remote, sound and packets > 1
        )
        self.found += [(self.now, finding) for finding in self.audio.look(look)]

    def seconds(self, count: int, **each: int | bool) -> None:
        for _ in range(count):
            self.second(**each)  # type: ignore[arg-type]

    @property
    def findings(self) -> list[Finding]:
        return [finding for _, finding in self.found]


def nothing(call: Call) -> None:
    call.second(packets=0)


def silence(call: Call) -> None:
    call.second(sound=False)


def unheard(call: Call) -> None:
    call.second(reports=1, lost_remote=PACKETS)


@pytest.mark.scenario("MED-13", peer="simulated time", transport="udp")
@pytest.mark.parametrize(
    ("second", "sense"),
    [
        (nothing, Sense.NOTHING_RECEIVED),
        (silence, Sense.ONLY_SILENCE_RECEIVED),
        (unheard, Sense.NOTHING_ARRIVES),
    ],
)
def test_each_way_is_told_once_within_six_seconds(second: Callable[[Call], None], sense: Sense) -> None:
    call = Call()
    for _ in range(15):
        second(call)
    ((at, finding),) = call.found
    assert finding == Began(sense)
    assert at <= 6


def test_packets_that_stop_in_the_middle_are_told() -> None:
    call = Call()
    call.seconds(20)
    call.seconds(10, packets=0)
    ((at, finding),) = call.found
    assert finding == Began(Sense.NOTHING_RECEIVED)
    assert at - 20 <= 6


def test_it_is_told_when_it_is_over() -> None:
    call = Call()
    call.seconds(6, packets=0)
    call.seconds(6)
    call.seconds(2, reports=1, lost_remote=PACKETS)
    call.seconds(2, reports=1)
    assert call.findings == [
        Began(Sense.NOTHING_RECEIVED),
        Over(Sense.NOTHING_RECEIVED),
        Began(Sense.NOTHING_ARRIVES),
        Over(Sense.NOTHING_ARRIVES),
    ]


def test_a_caller_who_mutes_himself_after_a_word_is_no_alarm() -> None:
    call = Call()
    call.seconds(3)
    call.seconds(60, sound=False)
    assert not call.found


def test_comfort_noise_and_then_nothing_is_no_alarm() -> None:
    call = Call()
    call.seconds(5)
    call.second(packets=1, size=1)
    call.seconds(20, packets=0)
    assert not call.found


@pytest.mark.scenario("MED-12", peer="simulated time", transport="udp")
@pytest.mark.parametrize(("alive", "limit"), [(0, 20), (5, 30)])
def test_a_call_without_a_sign_of_life_times_out(alive: int, limit: int) -> None:
    call = Call()
    call.seconds(alive)
    call.seconds(limit + 1, packets=0)
    (at,) = [at for at, finding in call.found if finding == TimedOut(limit)][:1]
    assert abs(at - alive - limit) <= 1


@pytest.mark.scenario("MED-12", peer="simulated time", transport="udp")
def test_reports_alone_keep_a_call_alive() -> None:
    call = Call()
    for _ in range(20):
        call.seconds(4, packets=0)
        call.second(packets=0, reports=1)
    assert call.findings == [Began(Sense.NOTHING_RECEIVED)]


@pytest.mark.scenario("MED-12", peer="simulated time", transport="udp")
def test_hold_stops_the_clocks_and_then_they_begin_anew() -> None:
    call = Call()
    call.seconds(5)
    call.audio.hold(True, call.now)
    call.seconds(600, packets=0)
    call.audio.hold(False, call.now)
    call.seconds(3, packets=0)
    assert not call.found
    call.seconds(27, packets=0)
    assert call.findings == [Began(Sense.NOTHING_RECEIVED), TimedOut(30)]


def test_zero_is_never() -> None:
    call = Call(start_timeout=NEVER, timeout=NEVER)
    call.seconds(10_000, packets=0)
    assert call.findings == [Began(Sense.NOTHING_RECEIVED)]


def test_a_stream_that_counts_from_zero_again_is_alive() -> None:
    call = Call()
    call.seconds(60)
    call.packets = call.payload_bytes = call.sent = 0
    call.seconds(10)
    assert not call.found


PASSAGES = st.lists(
    st.tuples(st.sampled_from(["talks", "listens", "holds", "mutes", "comfort noise", "loses"]), st.integers(1, 40)),
    max_size=8,
)


@pytest.mark.scenario("MED-13", peer="simulated time", transport="udp")
@settings(max_examples=1000)
@given(PASSAGES)
def test_no_good_call_is_told_of(passages: Iterable[tuple[str, int]]) -> None:
    call = Call()
    call.second()
    for passage, seconds in passages:
        _pass(call, passage, seconds)
    assert not call.found


def _pass(call: Call, passage: str, seconds: int) -> None:
    match passage:
        case "holds":
            call.audio.hold(True, call.now)
            call.seconds(seconds, packets=0)
            call.audio.hold(False, call.now)
            call.second()
        case "comfort noise":
            call.second(packets=20, size=160)
            for _ in range(seconds // 4):
                call.second(packets=1, size=1)
                call.seconds(3, packets=0)
            call.second()
        case "mutes":
            call.seconds(seconds, sound=False, reports=1)
        case "loses":
            call.seconds(seconds, packets=30, reports=1, lost_remote=PACKETS // 4)
        case _:
            call.seconds(seconds, reports=1)
