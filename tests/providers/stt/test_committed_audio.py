"""The order of texts that come in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.stt.committed_audio import CommittedAudio
from gateway.providers.stt.connection import Recognised


def text(words: str) -> Recognised:
    return Recognised(words, 0, 0, True)


@given(st.permutations(range(5)), st.integers(1, 3))
def test_texts_come_in_the_order_of_their_audio_each_once(order: list[int], times: int) -> None:
    audio = CommittedAudio()
    for number in range(5):
        audio.commit(number * 1000, number * 1000 + 900)
        audio.name(str(number))
    told = [one for number in order for _ in range(times) for one in audio.completed(str(number), text(f"t{number}"))]
    assert [one.text for one in told] == ["t0", "t1", "t2", "t3", "t4"]
    assert [one.start_ms for one in told] == [0, 1000, 2000, 3000, 4000]
    assert [one.flushed for one in told][-1]
    assert audio.settled


def test_flushed_is_what_is_told_when_nothing_is_outstanding() -> None:
    audio = CommittedAudio()
    audio.commit(0, 500)
    audio.commit(500, 900)
    audio.name("a")
    audio.name("b")
    assert [one.flushed for one in audio.completed("a", text("one"))] == [False]
    assert [one.flushed for one in audio.completed("b", text("two"))] == [True]


def test_a_partial_waits_for_the_text_before_it() -> None:
    audio = CommittedAudio()
    audio.commit(0, 500)
    audio.commit(500, 900)
    audio.name("a")
    audio.name("b")
    assert audio.delta("b", "late") is None
    assert audio.delta("a", "ear") == Recognised("ear", 0, 500, False)
    assert audio.delta("a", "ly") == Recognised("early", 0, 500, False)
    assert audio.delta("unknown", "?") is None


def test_a_text_may_come_before_its_name() -> None:
    audio = CommittedAudio()
    audio.commit(0, 500)
    assert [one.text for one in audio.completed("a", text("one"))] == ["one"]
    audio.commit(500, 900)
    audio.name("a")
    assert [one.start_ms for one in audio.completed("b", text("two"))] == [500]
