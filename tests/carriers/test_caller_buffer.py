from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.caller_buffer import BEHIND_FRAMES, CAPACITY, PATIENCE_FRAMES, CallerBuffer
from gateway.media.audio import FRAME_BYTES

LOUD = b"\x00\x20" * (FRAME_BYTES // 2)
SILENT = bytes(FRAME_BYTES)


@given(st.lists(st.one_of(st.integers(0, 900), st.just("take")), max_size=60))
def test_what_comes_leaves_once_and_in_order(steps: list[int | str]) -> None:
    buffer, came, left = CallerBuffer(), b"", b""
    for step in steps:
        if isinstance(step, int):
            chunk = bytes((len(came) + index) * 37 % 251 + 1 for index in range(step))
            came += chunk
            buffer.add(chunk)
        elif (frame := buffer.take()) is not None:
            assert len(frame) == FRAME_BYTES
            left += frame
    assert came.startswith(left)


def test_after_a_gap_two_frames_are_awaited() -> None:
    buffer = CallerBuffer()
    buffer.add(LOUD)
    assert buffer.take() is None
    buffer.add(LOUD)
    assert (buffer.take(), buffer.take(), buffer.take()) == (LOUD, LOUD, None)
    buffer.add(LOUD)
    assert buffer.take() is None


def test_a_client_that_is_ahead_is_caught_up_with_in_its_silence() -> None:
    buffer = CallerBuffer()
    buffer.add(SILENT * (BEHIND_FRAMES + 50))
    for _ in range(PATIENCE_FRAMES + 100):
        buffer.take()
        buffer.add(SILENT)
    assert buffer.waiting_ms <= BEHIND_FRAMES * 20


def test_speech_that_was_sent_ahead_is_kept_whole() -> None:
    buffer = CallerBuffer()
    frames = PATIENCE_FRAMES * 4
    buffer.add(LOUD * frames)
    taken = 0
    while buffer.take() is not None:
        taken += 1
    assert taken == frames


def test_thirty_seconds_ahead_is_the_most() -> None:
    buffer = CallerBuffer()
    buffer.add(bytes(CAPACITY + 10))
    assert buffer.dropped_bytes == 10
