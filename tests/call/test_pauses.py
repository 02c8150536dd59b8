from __future__ import annotations

import pytest

from gateway.call.pauses import DECIDE_MS, Decision, Pause, Pauses
from gateway.media.utterance import PlayoutState
from tests.media.line import Line, speech


class Paused:
    """A line with two utterances, the first paused at 200 ms for speech since 160 ms."""

    def __init__(self) -> None:
        self.line = Line()
        self.pauses = Pauses(self.line.playout)
        self.line.say(1, speech(8000))
        self.line.say(2, speech(800))
        self.line.frames(10)
        self.line.ring.pause()
        pause = self.pauses.begin(1, 1600, onset_ms=160, at_ms=200)
        assert pause is not None
        self.pause: Pause = pause


@pytest.fixture
def paused() -> Paused:
    return Paused()


def test_the_worker_has_800_ms_from_the_onset(paused: Paused) -> None:
    assert paused.pause == Pause(1, 160, 200, 1, 1600, 160 + DECIDE_MS)
    assert paused.pauses.late(959) is None
    assert paused.pauses.late(960) == paused.pause
    assert paused.line.states(1)[-1] is PlayoutState.CUT


def test_a_cut_ends_what_waits_behind_too(paused: Paused) -> None:
    assert paused.pauses.decide(1, Decision.CUT)
    paused.line.frames(5)
    assert paused.line.playout.idle
    assert paused.line.states(2) == [PlayoutState.CUT]


def test_a_resume_goes_on_from_the_word_border(paused: Paused) -> None:
    assert paused.pauses.decide(1, Decision.RESUME, 960)
    paused.line.run_out()
    assert paused.line.sent == speech(8000)[:3200] + speech(8000)[1920:] + speech(800)


def test_a_pause_is_decided_once(paused: Paused) -> None:
    assert paused.pauses.decide(1, Decision.RESUME, 1600)
    assert not paused.pauses.decide(1, Decision.CUT)
    paused.line.run_out()
    assert paused.line.states(1)[-1] is PlayoutState.FINISHED


def test_a_verdict_for_another_pause_is_not_carried_out(paused: Paused) -> None:
    assert not paused.pauses.decide(7, Decision.CUT)
    assert paused.pauses.pending is paused.pause


def test_a_verdict_after_the_deadline_changes_nothing(paused: Paused) -> None:
    paused.pauses.late(1000)
    assert not paused.pauses.decide(1, Decision.RESUME, 0)
    paused.line.frames(20)
    assert paused.line.sent == speech(8000)[:3200]


def test_a_pause_whose_utterance_was_cut_otherwise_is_over(paused: Paused) -> None:
    assert paused.pauses.overtaken() is None
    paused.line.playout.cut(1)
    assert paused.pauses.overtaken() == paused.pause
    assert paused.pauses.pending is None


def test_a_pause_that_does_not_stand_gets_no_number() -> None:
    line = Line()
    pauses = Pauses(line.playout)
    line.say(1, speech(800), interruptible=False)
    line.frame()
    assert pauses.begin(1, 160, onset_ms=0, at_ms=20) is None
    assert pauses.pending is None
