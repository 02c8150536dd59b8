from __future__ import annotations

from gateway.providers.base import TranscriptHint
from gateway.providers.failover.backlog import Asked, Backlog
from tests.providers.speech import silence, tone


def asked(segment: int, start_ms: int, end_ms: int) -> Asked:
    return Asked(segment, start_ms, end_ms, TranscriptHint(), at=end_ms / 1000)


def spoken(*pieces: bytes) -> Backlog:
    """Audio from the start of the call."""
    backlog, at_ms = Backlog(), 0
    for piece in pieces:
        backlog.push(piece, at_ms)
        at_ms += len(piece) // 16
    return backlog


def test_silence_is_not_replayed() -> None:
    replay = spoken(silence(5000)).replay()
    assert (replay.start_ms, replay.pcm, replay.open, replay.settled) == (5000, b"", (), ())


def test_speech_that_nobody_asked_about_is_replayed_from_before_its_onset() -> None:
    replay = spoken(silence(4000), tone(400, 1000)).replay()
    assert replay.start_ms == 3700
    assert replay.pcm == silence(300) + tone(400, 1000)


def test_what_has_no_answer_is_asked_again_with_its_audio() -> None:
    backlog = spoken(silence(1000), tone(400, 2000), silence(200))
    backlog.ask(asked(7, 800, 3100))
    replay = backlog.replay()
    assert replay.open == (asked(7, 800, 3100),)
    assert replay.start_ms == 500
    assert len(replay.pcm) == len(silence(2700))


def test_a_span_that_may_go_on_is_heard_again_and_its_answer_settled() -> None:
    backlog = spoken(silence(1000), tone(400, 1000), silence(400), tone(400, 200))
    for span in (asked(1, 800, 1500), asked(2, 800, 2100)):
        backlog.ask(span)
        assert backlog.answer(span.segment) == span
    replay = backlog.replay()
    assert replay.settled == (asked(2, 800, 2100),)
    assert replay.open == ()
    assert replay.start_ms == 500


def test_a_span_long_ago_is_not() -> None:
    backlog = spoken(silence(1000), tone(400, 1000), silence(8000), tone(400, 200))
    backlog.ask(asked(1, 800, 2100))
    backlog.answer(1)
    replay = backlog.replay()
    assert replay.settled == ()
    assert replay.start_ms == 9700


def test_a_span_has_one_answer() -> None:
    backlog = spoken(tone(400, 1000))
    backlog.ask(asked(1, 0, 1000))
    assert backlog.answer(None) is None
    assert backlog.answer(1) == asked(1, 0, 1000)
    assert backlog.answer(1) is None
    assert backlog.open == []


def test_no_more_than_the_speech_that_may_be_unasked_is_replayed() -> None:
    replay = spoken(*[tone(400, 1000)] * 60).replay()
    assert replay.start_ms == 60_000 - 25_000 - 300
