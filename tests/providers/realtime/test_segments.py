"""Segments of the caller's speech and their items."""

from __future__ import annotations

from gateway.providers.realtime.segments import Segment, Segments


def test_items_belong_to_segments_in_the_order_of_asking() -> None:
    segments = Segments()
    one, two = Segment(1, 0, 1000), Segment(2, 3000, 4000)
    assert segments.ask(one) == []
    assert segments.ask(two) == []
    assert segments.committed("a") is one
    assert segments.committed("b") is two
    assert segments.committed("c") is None
    assert segments.of("b") is two


def test_a_longer_span_takes_the_place_of_the_shorter() -> None:
    segments = Segments()
    short, long = Segment(1, 0, 1000), Segment(2, 0, 2500)
    segments.ask(short)
    assert segments.ask(long) == [short]
    assert segments.committed("a") is short
    assert segments.of("a") is None, "nobody wants its text any more"
    assert list(segments.unanswered) == [long]


def test_what_waits_for_its_text_is_known_after_a_loss() -> None:
    segments = Segments()
    done, waiting = Segment(1, 0, 1000), Segment(2, 3000, 4000)
    for segment in (done, waiting):
        segments.ask(segment)
    segments.committed("a")
    done.answered = True
    segments.lost()
    assert list(segments.unanswered) == [waiting]
    segments.again(waiting)
    assert segments.committed("x") is waiting


def test_a_replaced_segment_is_answered_as_superseded() -> None:
    transcript = Segment(7, 100, 900).superseded()
    assert (transcript.segment, transcript.text, transcript.final, transcript.superseded) == (7, "", True, True)
