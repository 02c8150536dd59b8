"""What the next worker hears of the caller."""

from __future__ import annotations

from gateway.call.move.backlog import LEAD_IN_FRAMES, has_speech, unheard
from gateway.media.audio import FRAME_BYTES

QUIET = bytes(FRAME_BYTES)
LOUD = b"\x00\x10" * (FRAME_BYTES // 2)


def test_it_begins_shortly_before_the_caller_does() -> None:
    at_ms, frames = unheard([QUIET] * 100 + [LOUD] * 10, end_ms=5000, since_ms=0)
    assert at_ms == 5000 - (10 + LEAD_IN_FRAMES) * 20
    assert frames == [QUIET] * LEAD_IN_FRAMES + [LOUD] * 10


def test_what_a_turn_has_is_left_out() -> None:
    at_ms, frames = unheard([LOUD] * 100, end_ms=5000, since_ms=4910)
    assert (at_ms, len(frames)) == (4920, 4)


def test_of_silence_only_the_end_is_kept() -> None:
    at_ms, frames = unheard([QUIET] * 100, end_ms=5000, since_ms=0)
    assert (at_ms, len(frames)) == (5000 - LEAD_IN_FRAMES * 20, LEAD_IN_FRAMES)
    assert unheard([], end_ms=20, since_ms=0) == (20, [])


def test_a_click_is_no_speech() -> None:
    assert not has_speech([QUIET] * 20 + [LOUD] * 2)
    assert has_speech([LOUD] * 10)
