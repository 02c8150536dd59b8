"""What goes up of the caller's audio."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.audio import SAMPLE_BYTES
from gateway.providers.realtime.input_audio import Append, Clear, Commit, InputAudio, Step

QUIET = bytes(320)
LOUD = b"\x00\x10\x00\xf0" * 80


class Buffer:
    """The session's, as the steps fill it."""

    def __init__(self) -> None:
        self.pcm = b""
        self.committed: list[bytes] = []
        self.sent = 0

    def take(self, steps: list[Step]) -> None:
        for step in steps:
            match step:
                case Append(pcm=pcm):
                    self.pcm += pcm
                    self.sent += len(pcm)
                case Clear():
                    self.pcm = b""
                case Commit():
                    self.committed.append(self.pcm)
                    self.pcm = b""


def frame(number: int, loud: bool) -> bytes:
    """20 ms that no other frame has, loud or quiet."""
    base = LOUD if loud else QUIET
    return number.to_bytes(2, "little") + base[2:]


def play(audio: InputAudio, buffer: Buffer, loudness: list[bool], start: int = 0) -> list[bytes]:
    frames = [frame(start + index + 1, loud) for index, loud in enumerate(loudness)]
    for index, pcm in enumerate(frames):
        buffer.take(audio.push(pcm, (start + index) * 20))
    return frames


def test_a_caller_who_listens_sends_nothing() -> None:
    audio, buffer = InputAudio(), Buffer()
    play(audio, buffer, [False] * 500)
    assert buffer.sent == 0


def test_speech_is_up_when_it_is_asked_for() -> None:
    audio, buffer = InputAudio(), Buffer()
    frames = play(audio, buffer, [False] * 50 + [True] * 100 + [False] * 10)
    sent = buffer.sent
    buffer.take(audio.commit(800, 3200))
    assert buffer.sent - sent <= 60 * 8 * SAMPLE_BYTES, "only the latest was left"
    assert b"".join(frames[40:160]) in buffer.committed[0]


def test_noise_that_nobody_asked_for_is_cleared() -> None:
    audio, buffer = InputAudio(), Buffer()
    play(audio, buffer, [True] * 10 + [False] * 80)
    assert buffer.pcm == b""
    frames = play(audio, buffer, [True] * 50, start=1000)
    buffer.take(audio.commit(20_000, 21_000))
    assert b"".join(frames) in buffer.committed[0]


def test_a_longer_span_is_sent_whole_again() -> None:
    audio, buffer = InputAudio(), Buffer()
    first = play(audio, buffer, [True] * 50 + [False] * 8)
    buffer.take(audio.commit(0, 1100))
    more = play(audio, buffer, [True] * 50, start=58)
    buffer.take(audio.commit(0, 2160))
    assert buffer.committed[1] == b"".join(first + more)


def test_what_is_in_one_item_is_not_in_the_next() -> None:
    audio, buffer = InputAudio(), Buffer()
    first = play(audio, buffer, [True] * 50)
    buffer.take(audio.commit(0, 1000))
    more = play(audio, buffer, [True] * 50, start=50)
    buffer.take(audio.commit(800, 2000))
    assert buffer.committed == [b"".join(first), b"".join(more)]


def test_the_shortest_buffer_is_long_enough_to_be_committed() -> None:
    audio, buffer = InputAudio(), Buffer()
    play(audio, buffer, [True] * 2)
    buffer.take(audio.commit(0, 40))
    assert len(buffer.committed[0]) >= 100 * 8 * SAMPLE_BYTES


def test_after_a_loss_all_is_sent_again() -> None:
    audio, buffer = InputAudio(), Buffer()
    frames = play(audio, buffer, [True] * 50)
    audio.lost()
    buffer = Buffer()
    buffer.take(audio.commit(0, 1000))
    assert buffer.committed == [b"".join(frames)]


@given(st.lists(st.booleans(), min_size=10, max_size=200), st.data())
@settings(deadline=None, max_examples=50)
def test_what_is_committed_holds_the_span_once(loudness: list[bool], data: st.DataObject) -> None:
    audio, buffer = InputAudio(), Buffer()
    frames = play(audio, buffer, loudness)
    start = data.draw(st.integers(0, len(frames) - 1))
    end = data.draw(st.integers(start + 1, len(frames)))
    buffer.take(audio.commit(start * 20, end * 20))
    (committed,) = buffer.committed
    assert committed.count(b"".join(frames[start:end])) == 1
    assert len(committed) <= (end * 20 + 2000) * 8 * SAMPLE_BYTES
