"""The rules of playout in playout.h."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sip.bridge import TickFlag
from tests.sip.native.play_ring import FADE, FRAME, RING, Expectation, PlayRing, Tick, voice

NONE = TickFlag(0)


@pytest.fixture
def ring(rings: ctypes.CDLL) -> PlayRing:
    return PlayRing(rings)


def samples(utterance: int, start: int, count: int) -> list[int]:
    return [int(sample) for sample in voice(utterance, np.arange(start, start + count))]


def outline(tick: Tick) -> tuple[int, int, TickFlag]:
    return tick.utterance, tick.position, tick.flags


def test_an_empty_ring_is_silence(ring: PlayRing) -> None:
    tick = ring.tick()
    assert outline(tick) == (0, 0, NONE)
    assert not tick.frame.any()


def test_an_utterance_leaves_as_it_came_and_tells_its_end(ring: PlayRing) -> None:
    assert ring.play(5, 0, 400, final=True) == 400
    ticks = [ring.tick() for _ in range(4)]
    assert [outline(tick) for tick in ticks] == [
        (5, 160, NONE),
        (5, 320, NONE),
        (5, 400, TickFlag.FINISHED),
        (0, 0, NONE),
    ]
    assert np.concatenate([tick.frame for tick in ticks[:3]])[:400].tolist() == samples(5, 0, 400)


def test_chunks_of_any_size_join_without_a_seam(ring: PlayRing) -> None:
    for offset, count in ((0, 1), (1, 230), (231, 89)):
        ring.play(1, offset, count)
    assert [*ring.tick().frame, *ring.tick().frame] == samples(1, 0, 320)


def test_two_utterances_never_share_a_tick(ring: PlayRing) -> None:
    ring.play(1, 0, 200, final=True)
    ring.play(2, 0, 160, final=True)
    ring.tick()
    assert outline(ring.tick()) == (1, 200, TickFlag.FINISHED)
    second = ring.tick()
    assert outline(second) == (2, 160, TickFlag.FINISHED)
    assert second.frame.tolist() == samples(2, 0, 160)


def test_the_ring_takes_four_seconds_and_no_more(ring: PlayRing) -> None:
    assert ring.play(1, 0, RING + 500, final=True) == RING
    assert ring.play(1, RING, 500, final=True) == 0
    ring.tick()
    assert ring.play(1, RING, 500, final=True) == FRAME
    ticks = [ring.tick() for _ in range(RING // FRAME)]
    assert TickFlag.FINISHED not in ticks[-1].flags, "the end counts only when all of it fitted"
    assert ring.play(1, RING + FRAME, 340, final=True) == 340


def test_a_minute_of_speech_goes_round_the_ring_unharmed(ring: PlayRing) -> None:
    ring.play(1, 0, 7, final=True)  # so that frames straddle the ring's end
    ring.tick()
    heard: list[int] = []
    fed = ring.play(2, 0, 31_007)
    while len(heard) < 480_000:
        heard += [int(sample) for sample in ring.tick().frame]
        if len(heard) % 1600 == 0:
            fed += ring.play(2, fed, 1601)
    assert heard == samples(2, 0, len(heard))


def test_what_follows_a_declared_end_is_another_run(ring: PlayRing) -> None:
    ring.play(1, 0, 160, final=True)
    ring.play(1, 160, 160, final=True)
    assert [outline(ring.tick()) for _ in range(2)] == [(1, 160, TickFlag.FINISHED), (1, 320, TickFlag.FINISHED)]


def test_an_end_that_comes_late_is_told_without_samples(ring: PlayRing) -> None:
    ring.play(3, 0, 160)
    ring.tick()
    assert outline(ring.tick()) == (3, 160, TickFlag.UNDERRUN)
    ring.play(3, 160, 0, final=True)
    assert outline(ring.tick()) == (3, 160, TickFlag.FINISHED)
    assert outline(ring.tick()) == (0, 0, NONE)


def test_a_pause_fades_out_and_holds_the_rest(ring: PlayRing) -> None:
    ring.play(1, 0, 1000, final=True)
    ring.tick()
    ring.pause()
    fading, held = ring.tick(), ring.tick()
    assert outline(fading) == outline(held) == (1, 160 + FADE, TickFlag.PAUSED)
    ratios = fading.frame[:FADE] / voice(1, np.arange(160, 160 + FADE))
    assert (np.diff(ratios) < 0.001).all()
    assert not fading.frame[FADE - 1 :].any()
    assert not held.frame.any()


def test_a_resume_fades_in_where_the_pause_left_off(ring: PlayRing) -> None:
    ring.play(1, 0, 1000, final=True)
    ring.tick()
    ring.pause()
    ring.tick()
    ring.resume()
    tick = ring.tick()
    assert outline(tick) == (1, 160 + FADE + 160, NONE)
    original = voice(1, np.arange(200, 360))
    assert tick.frame[0] == 0
    assert (np.diff(tick.frame[:FADE] / original[:FADE]) > 0).all()
    assert tick.frame[FADE:].tolist() == original[FADE:].tolist()


def test_a_pause_taken_back_before_the_tick_changes_nothing(ring: PlayRing) -> None:
    ring.play(1, 0, 320)
    ring.tick()
    ring.pause()
    ring.resume()
    assert ring.tick().frame.tolist() == samples(1, 160, 160)


def test_an_utterance_paused_before_it_began_begins_without_a_fade(ring: PlayRing) -> None:
    ring.pause()
    ring.play(1, 0, 160, final=True)
    assert outline(ring.tick()) == (1, 0, TickFlag.PAUSED)
    ring.resume()
    assert ring.tick().frame.tolist() == samples(1, 0, 160)


def test_a_flush_fades_out_and_drops_the_rest(ring: PlayRing) -> None:
    ring.play(1, 0, 1000)
    ring.play(2, 0, 1000)
    ring.tick()
    ring.flush()
    tick = ring.tick()
    assert outline(tick) == (1, 160 + FADE, TickFlag.FLUSHED)
    assert tick.frame[:FADE].any()
    assert not tick.frame[FADE - 1 :].any()
    assert outline(ring.tick()) == (0, 0, NONE)


def test_what_is_played_after_a_flush_is_not_flushed(ring: PlayRing) -> None:
    ring.play(1, 0, 1000)
    ring.tick()
    ring.flush()
    ring.play(2, 0, 160, final=True)
    assert ring.tick().utterance == 1
    tick = ring.tick()
    assert outline(tick) == (2, 160, TickFlag.FINISHED)
    assert tick.frame.tolist() == samples(2, 0, 160)


def test_a_flush_ends_a_pause_and_adds_no_sound(ring: PlayRing) -> None:
    ring.play(1, 0, 1000)
    ring.tick()
    ring.pause()
    ring.tick()
    ring.flush()
    tick = ring.tick()
    assert outline(tick) == (1, 200, TickFlag.FLUSHED)
    assert not tick.frame.any()


def test_a_flush_of_nothing_delays_nothing(ring: PlayRing) -> None:
    ring.flush()
    ring.play(1, 0, 160, final=True)
    assert outline(ring.tick()) == (1, 160, TickFlag.FINISHED)


def test_starvation_fades_out_and_the_rest_fades_in(ring: PlayRing) -> None:
    ring.play(1, 0, 260)
    ring.tick()
    starved = ring.tick()
    assert outline(starved) == (1, 260, TickFlag.UNDERRUN)
    assert starved.frame[:60].tolist() == samples(1, 160, 60)
    assert starved.frame[99] == 0
    ring.play(1, 260, 160, final=True)
    restarted = ring.tick()
    assert restarted.frame[0] == 0
    assert restarted.frame[FADE:].tolist() == samples(1, 260 + FADE, 160 - FADE)


def test_an_utterance_that_never_ended_gives_way_to_the_next(ring: PlayRing) -> None:
    ring.play(1, 0, 160)
    ring.tick()
    ring.tick()
    ring.play(2, 0, 160, final=True)
    assert outline(ring.tick()) == (2, 160, TickFlag.FINISHED)


def test_a_start_in_the_middle_fades_in(ring: PlayRing) -> None:
    ring.play(1, 4000, 320)
    tick = ring.tick()
    assert tick.position == 4160
    assert tick.frame[0] == 0
    assert tick.frame[FADE:].tolist() == samples(1, 4000 + FADE, 160 - FADE)


def test_nothing_is_played_while_nobody_takes_it(ring: PlayRing) -> None:
    ring.play(1, 0, 480)
    ring.tick()
    assert outline(ring.idle()) == (1, 160, NONE)
    assert ring.tick().position == 320


def test_a_fade_that_nobody_takes_does_not_count_as_sent(ring: PlayRing) -> None:
    ring.play(1, 0, 480)
    ring.tick()
    ring.flush()
    assert outline(ring.idle()) == (1, 160, TickFlag.FLUSHED)
    assert outline(ring.tick()) == (0, 0, NONE)


def test_more_runs_than_there_is_room_for_are_refused(ring: PlayRing) -> None:
    accepted = [ring.play(utterance, 0, 1, final=True) for utterance in range(1, 80)]
    assert sum(accepted) == 64
    assert accepted[64:] == [0] * 15


COMMANDS = st.one_of(
    st.tuples(st.just("play"), st.integers(0, 700), st.booleans()),
    st.tuples(st.just("tick"), st.integers(1, 4)),
    st.sampled_from([("pause",), ("resume",), ("flush",), ("next",)]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(COMMANDS, max_size=60))
def test_every_sample_leaves_once_in_order_or_is_dropped_by_a_flush(
    rings: ctypes.CDLL, commands: list[tuple[str, ...]]
) -> None:
    ring, expected = PlayRing(rings), Expectation()
    utterance, offset = 1, 0
    for name, *arguments in commands:
        if name == "play":
            count, final = int(arguments[0]), bool(arguments[1])
            accepted = ring.play(utterance, offset, count, final=final)
            expected.played(utterance, offset, accepted)
            offset += accepted
            if final and accepted == count:
                utterance, offset = utterance + 1, 0
        elif name == "tick":
            for _ in range(int(arguments[0])):
                expected.take(ring.tick())
        elif name == "next":
            utterance, offset = utterance + 1, 0
        else:
            getattr(ring, name)()
            if name == "flush":
                expected.flushed()
                utterance, offset = utterance + 1, 0
    ring.resume()
    for _ in range(expected.accepted // FRAME + 2 * len(commands) + 2):
        expected.take(ring.tick())
    assert not expected.queue
    assert expected.sent + expected.dropped == expected.accepted
