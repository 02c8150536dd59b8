"""Playout in any order of events."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.audio import FRAME_MS
from gateway.media.playout import STARVED_MS
from gateway.media.utterance import PlayoutState
from tests.media.line import Line, speech

ENDS = (PlayoutState.FINISHED, PlayoutState.CUT)

STEP = st.one_of(
    st.tuples(st.just("announce"), st.integers(1, 8), st.booleans()),
    st.tuples(st.just("audio"), st.integers(1, 8), st.integers(0, 700), st.booleans()),
    st.tuples(st.just("long"), st.integers(1, 8)),
    st.tuples(st.just("frames"), st.integers(1, 40)),
    st.tuples(st.just("cut"), st.integers(0, 9)),
    st.tuples(st.just("pause")),
    st.tuples(st.just("resume"), st.integers(0, 3000)),
    st.tuples(st.just("hold"), st.booleans()),
)


def do(line: Line, step: tuple[object, ...]) -> None:
    match step:
        case ("announce", int(utterance), bool(interruptible)):
            line.playout.announce(utterance, interruptible=interruptible)
        case ("audio", int(utterance), int(samples), bool(final)):
            known = line.playout._find(utterance)
            line.playout.audio(utterance, known.total if known else 0, speech(samples), final=final)
        case ("long", int(utterance)):
            line.playout.audio(utterance, 0, speech(40_000), final=True)
        case ("frames", int(count)):
            line.frames(count)
        case ("cut", int(up_to)):
            line.playout.cut(up_to)
        case ("pause",) if line.ring.segments and line.ring.armed:
            line.caller_speaks()
        case ("resume", int(position)):
            line.playout.resume(position)
        case ("hold", bool(held)):
            line.playout.hold(held)


def check_reports(line: Line, given: dict[int, int]) -> None:
    position: dict[int, int] = defaultdict(int)
    ended: dict[int, int] = defaultdict(int)
    state: dict[int, PlayoutState] = {}
    for report in line.reports:
        assert not ended[report.utterance], "reported after its end"
        went_back = report.position < position[report.utterance]
        assert not went_back or state[report.utterance] is PlayoutState.PAUSED, "went back without a resume"
        assert report.position <= given[report.utterance], "more was sent than given"
        position[report.utterance] = report.position
        state[report.utterance] = report.state
        ended[report.utterance] += report.state in ENDS
    times = [report.at_ms for report in line.reports]
    assert times == sorted(times)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=40), st.integers(0, 3), st.sampled_from([160, 1000, 32_000]))
def test_whatever_happens_positions_are_true_and_every_utterance_ends_once(
    steps: list[tuple[object, ...]], delay: int, capacity: int
) -> None:
    line = Line(delay=delay, capacity=capacity)
    given_samples: dict[int, int] = defaultdict(int)
    known: set[int] = set()
    for step in steps:
        do(line, step)
        for utterance in line.playout._queue:
            known.add(utterance.id)
            given_samples[utterance.id] = max(given_samples[utterance.id], utterance.total)
        known.update(report.utterance for report in line.reports)
    line.playout.hold(False)
    line.playout.resume()
    line.run_out(8 * STARVED_MS // FRAME_MS + 2_000 + 8 * 250)
    for report in line.reports:
        given_samples[report.utterance] = max(given_samples[report.utterance], 0)
    check_reports(line, defaultdict(lambda: 40_000, given_samples))
    for number in known:
        assert sum(report.state in ENDS for report in line.reports if report.utterance == number) == 1
    line.frames(10)
    assert not line.ring.segments
    assert not line.ring.paused
    assert line.playout._backlog == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, max_size=30), st.integers(0, 3))
def test_after_a_cut_of_everything_the_line_is_silent(steps: list[tuple[object, ...]], delay: int) -> None:
    line = Line(delay=delay)
    for step in steps:
        do(line, step)
    line.playout.cut(100)
    line.frame()
    before = line.sent
    line.say(50, speech(500))
    line.frames(20)
    assert line.sent == before
    assert line.playout.idle
