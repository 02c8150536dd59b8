"""Playout against a ring with the rules of the C bridge."""

from __future__ import annotations

import itertools

import pytest

from gateway.media.arming import REST_MS
from gateway.media.audio import FRAME_MS, FRAME_SAMPLES
from gateway.media.playout import OVERTAKEN_MS, QUEUE_LIMIT, REPORT_MS, STARVED_MS
from gateway.media.utterance import PlayoutState, Report
from tests.media.line import Line, speech

# ---------------------------------------------------------------- playing


def test_an_utterance_leaves_as_it_came_and_finishes_once() -> None:
    line = Line()
    pcm = speech(1000)
    line.say(1, pcm)
    line.run_out()
    assert line.sent == pcm
    assert line.states(1) == [PlayoutState.PLAYING, PlayoutState.FINISHED]
    assert line.last(1).position == 1000


def test_an_utterance_longer_than_the_ring_is_topped_up_without_a_gap() -> None:
    line = Line()
    pcm = speech(100_000)
    line.say(1, pcm)
    line.run_out()
    assert line.sent == pcm
    assert line.last(1) == Report(625 * FRAME_MS - FRAME_MS, 1, 100_000, PlayoutState.FINISHED, 0)


def test_reports_come_every_100_ms_while_it_plays() -> None:
    line = Line()
    line.say(1, speech(16_000))
    line.run_out()
    times = [report.at_ms for report in line.reports]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) == REPORT_MS
    assert len(times) == 16_000 // 800 + 1


def test_utterances_play_in_the_order_of_their_ids() -> None:
    line = Line()
    line.playout.announce(1)
    line.say(2, speech(400, seed=5))
    line.frames(3)
    assert line.sent == b""
    line.playout.audio(1, 0, speech(320), final=True)
    line.run_out()
    assert line.sent == speech(320) + speech(400, seed=5)


def test_an_utterance_announced_late_takes_its_place_while_nothing_after_it_has_begun() -> None:
    line = Line()
    line.playout.announce(3)
    line.playout.announce(2)
    line.playout.audio(3, 0, speech(160, seed=9), final=True)
    line.playout.audio(2, 0, speech(160), final=True)
    line.run_out()
    assert line.sent == speech(160) + speech(160, seed=9)


def test_an_id_below_one_that_has_begun_is_dropped() -> None:
    line = Line()
    line.say(5, speech(800))
    line.frame()
    line.say(4, speech(320))
    line.run_out()
    assert line.sent == speech(800)
    assert line.playout.dropped_samples == 320


def test_audio_that_overlaps_counts_once_and_a_hole_is_silence() -> None:
    line = Line()
    pcm = speech(480)
    line.playout.audio(1, 0, pcm[:320], final=False)
    line.playout.audio(1, 80, pcm[160:640], final=False)
    line.playout.audio(1, 480, pcm[640:], final=True)
    line.run_out()
    assert line.sent == pcm[:640] + bytes(320) + pcm[640:]


def test_an_empty_utterance_finishes_at_once() -> None:
    line = Line()
    line.say(1, b"")
    assert line.playout.idle
    assert line.states(1) == [PlayoutState.FINISHED]


def test_more_than_a_call_may_queue_is_dropped_and_the_utterance_still_ends() -> None:
    line = Line()
    line.playout.audio(1, 0, bytes(QUEUE_LIMIT * 2), final=False)
    line.playout.audio(1, QUEUE_LIMIT, speech(160), final=True)
    assert line.playout.dropped_samples == 160
    line.playout.cut(1)
    line.frames(2)
    assert line.playout.idle


def test_a_leg_that_lost_its_ring_is_fed_again() -> None:
    line = Line()
    pcm = speech(8000)
    line.say(1, pcm)
    line.frames(5)
    line.ring.segments.clear()
    line.run_out()
    assert line.sent == pcm


def test_a_leg_that_tells_more_than_it_was_given_is_not_believed() -> None:
    line = Line()
    line.say(1, speech(800))
    line.playout.announce(2)
    line.tell(1, 100_000)
    assert line.last(1).position == 800


def test_a_leg_that_is_at_a_later_utterance_has_sent_all_before_it() -> None:
    line = Line()
    line.say(1, speech(800))
    line.say(2, speech(800))
    line.tell(2, 160)
    assert line.last(1) == Report(0, 1, 800, PlayoutState.FINISHED, 0)
    assert line.last(2).position == 160


# ---------------------------------------------------------------- late audio


def test_late_audio_is_an_underrun_and_not_an_end() -> None:
    line = Line()
    line.playout.audio(1, 0, speech(320), final=False)
    line.frames(7)
    assert line.states(1) == [PlayoutState.PLAYING]
    line.playout.audio(1, 320, speech(160), final=True)
    line.run_out()
    assert line.last(1).state is PlayoutState.FINISHED
    assert line.last(1).underrun == 5 * FRAME_SAMPLES


def test_waiting_for_the_word_that_all_was_sent_is_no_underrun() -> None:
    line = Line()
    line.playout.audio(1, 0, speech(320), final=False)
    line.frames(7)
    line.playout.audio(1, 320, b"", final=True)
    assert line.last(1) == Report(6 * FRAME_MS, 1, 320, PlayoutState.FINISHED, 0)


def test_an_utterance_whose_audio_stops_is_jumped_when_a_later_one_is_ready() -> None:
    line = Line()
    line.playout.audio(1, 0, speech(160), final=False)
    line.say(2, speech(320, seed=3))
    line.frames(OVERTAKEN_MS // FRAME_MS + 5)
    assert line.last(1).state is PlayoutState.CUT
    line.run_out()
    assert line.sent == speech(160) + speech(320, seed=3)


def test_an_utterance_whose_audio_never_comes_ends_after_a_while() -> None:
    line = Line()
    line.playout.announce(1)
    line.frames(STARVED_MS // FRAME_MS - 1)
    assert not line.playout.idle
    line.frames(1)
    assert line.playout.idle
    assert line.states(1) == [PlayoutState.CUT]


def test_what_is_here_plays_to_its_end_when_no_more_audio_will_come() -> None:
    line = Line()
    line.playout.audio(1, 0, speech(800), final=False)
    line.playout.complete_all()
    line.run_out()
    assert line.last(1).state is PlayoutState.FINISHED


# ---------------------------------------------------------------- cut


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_the_cut_position_is_what_was_really_sent(delay: int) -> None:
    line = Line(delay=delay)
    pcm = speech(8000)
    line.say(1, pcm)
    line.frames(10)
    line.playout.cut(1)
    line.frames(delay + 3)
    assert line.playout.idle
    assert line.states(1)[-1] is PlayoutState.CUT
    assert line.sent == pcm[: line.last(1).position * 2]


def test_nothing_of_a_cut_or_older_utterance_plays_whenever_it_comes() -> None:
    line = Line()
    line.say(3, speech(800))
    line.frame()
    line.playout.cut(3)
    line.frames(5)
    before = line.sent
    line.say(2, speech(800))
    line.playout.audio(3, 800, speech(800), final=True)
    line.frames(20)
    assert line.sent == before
    assert line.playout.dropped_samples == 1600


def test_what_comes_after_the_cut_plays() -> None:
    line = Line()
    line.say(1, speech(3200))
    line.say(2, speech(320, seed=4))
    line.frames(2)
    line.playout.cut(1)
    line.run_out(limit=4)
    assert line.sent.endswith(speech(320, seed=4))
    assert line.states(2) == [PlayoutState.PLAYING, PlayoutState.FINISHED]


def test_a_cut_ends_what_waits_at_once() -> None:
    line = Line()
    line.playout.announce(1)
    line.playout.announce(2)
    line.playout.cut(7)
    assert line.states(1) == line.states(2) == [PlayoutState.CUT]
    assert not line.playout.announce(7)


# ---------------------------------------------------------------- pause


@pytest.mark.parametrize("delay", [0, 2])
def test_a_pause_resumes_from_the_word_border_and_the_caller_misses_nothing(delay: int) -> None:
    line = Line(delay=delay)
    pcm = speech(8000)
    line.say(1, pcm)
    line.frames(10)
    assert line.caller_speaks()
    line.frames(8)
    heard = line.ring.segments[0].position
    assert line.sent == pcm[: heard * 2]
    assert line.last(1).state is PlayoutState.PAUSED
    assert line.playout.resume(1200)
    line.run_out()
    assert line.sent == pcm[: heard * 2] + pcm[2400:]
    assert line.states(1) == [
        PlayoutState.PLAYING,
        PlayoutState.PAUSED,
        PlayoutState.PLAYING,
        PlayoutState.FINISHED,
    ]


def test_a_resume_never_jumps_forward() -> None:
    line = Line()
    pcm = speech(8000)
    line.say(1, pcm)
    line.frames(10)
    line.caller_speaks()
    line.playout.resume(7000)
    line.run_out()
    assert line.sent == pcm


def test_what_came_during_a_pause_follows_after_it() -> None:
    line = Line()
    first, second = speech(4000), speech(4000, seed=5)
    line.say(1, first)
    line.frames(10)
    line.caller_speaks()
    line.say(2, second)
    line.playout.resume()
    line.run_out()
    assert line.sent == first + second


@pytest.mark.parametrize("delay", [3, 20])
def test_the_position_goes_back_with_the_resume_and_not_forward_by_old_frames(delay: int) -> None:
    line = Line(delay=delay)
    line.say(1, speech(16_000))
    line.frames(delay + 12)
    line.caller_speaks()
    line.frames(delay + 5)
    line.playout.resume(800)
    for sent in range(delay + 4):
        line.frame()
        assert (head := line.playout.current)
        assert head.position <= 800 + sent * FRAME_SAMPLES
    assert line.last(1).position > 800


def test_a_paused_utterance_that_is_cut_ends_where_it_was_paused() -> None:
    line = Line()
    line.say(1, speech(8000))
    line.frames(10)
    line.caller_speaks()
    line.playout.cut(1)
    assert line.last(1) == Report(200, 1, 1600, PlayoutState.CUT, 0)
    assert not line.ring.paused
    assert not line.playout.resume(0)


def test_a_pause_of_an_utterance_that_is_over_does_not_stand() -> None:
    line = Line()
    line.say(1, speech(160))
    line.say(2, speech(1600))
    line.frames(1)
    line.ring.pause()
    assert not line.playout.on_pause(1, 160, 20)
    assert not line.ring.paused


def test_a_pause_in_the_last_word_does_not_hold_what_comes_next() -> None:
    line = Line()
    line.say(1, speech(320))
    line.frame()
    line.caller_speaks()
    line.tell(1, 320, paused=True)
    assert line.states(1)[-1] is PlayoutState.FINISHED
    assert not line.ring.paused
    assert not line.playout.paused


def test_an_uninterruptible_utterance_is_not_paused_and_disarms_the_fast_vad() -> None:
    line = Line()
    line.say(1, speech(1600), interruptible=False)
    assert not line.ring.armed
    line.frame()
    assert not line.caller_speaks()
    assert not line.ring.paused


def test_the_fast_vad_is_armed_only_while_something_interruptible_plays() -> None:
    line = Line()
    line.playout.announce(1)
    line.say(2, speech(320), interruptible=False)
    line.say(3, speech(320))
    line.playout.audio(1, 0, speech(320), final=True)
    armed = []
    while not line.playout.idle:
        armed.append(line.ring.armed)
        line.frame()
    assert armed == [True, True, False, False, True, True]
    assert not line.ring.armed


def test_after_a_resume_the_fast_vad_rests_longer_each_time() -> None:
    line = Line()
    line.say(1, speech(80_000))
    line.frames(5)
    rests = []
    for _ in range(3):
        line.caller_speaks()
        line.playout.resume()
        rest = 0
        while not line.ring.armed:
            rest += FRAME_MS
            line.frame()
        rests.append(rest)
    assert rests == [rest + FRAME_MS for rest in (REST_MS, 2 * REST_MS, 4 * REST_MS)]


def test_a_hold_stands_still_and_goes_on() -> None:
    line = Line()
    pcm = speech(3200)
    line.say(1, pcm)
    line.frames(5)
    line.playout.hold(True)
    line.frames(50)
    assert line.last(1).state is PlayoutState.PAUSED
    line.playout.hold(False)
    line.run_out()
    assert line.sent == pcm


def test_a_verdict_during_a_hold_waits_for_its_end() -> None:
    line = Line()
    pcm = speech(3200)
    line.say(1, pcm)
    line.frames(5)
    line.caller_speaks()
    line.playout.hold(True)
    line.playout.resume(640)
    line.frames(20)
    assert line.sent == pcm[:1600]
    line.playout.hold(False)
    line.run_out()
    assert line.sent == pcm[:1600] + pcm[1280:]
