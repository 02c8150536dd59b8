"""The order of texts that come in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.stt.committed_audio import CommittedAudio
from gateway.providers.stt.connection import Recognised, RecognisedWord
from gateway.providers.stt.spoken_span import SpokenSpan
from tests.providers.speech import tone


def commit(audio: CommittedAudio, *lengths_ms: int) -> None:
    """Audio of these lengths, one behind the other, named by its number."""
    spoken, end_ms = SpokenSpan(), 0
    for number, length_ms in enumerate(lengths_ms):
        spoken.push(tone(400, length_ms))
        end_ms += length_ms
        audio.commit(spoken, end_ms)
        audio.name(str(number))
        spoken = spoken.next()


def text(words: str) -> Recognised:
    return Recognised(words, 0, 0, True)


@given(st.permutations(range(5)), st.integers(1, 3))
def test_texts_come_in_the_order_of_their_audio_each_once(order: list[int], times: int) -> None:
    audio = CommittedAudio()
    commit(audio, *[400] * 5)
    audio.ask()
    told = [one for number in order for _ in range(times) for one in audio.completed(str(number), text(f"t{number}"))]
    assert [one.text for one in told] == ["t0", "t1", "t2", "t3", "t4"]
    assert [one.start_ms for one in told] == [0, 400, 800, 1200, 1600]
    assert [one.end_ms for one in told] == [400, 800, 1200, 1600, 2000]
    assert [one.flushed for one in told] == [False] * 4 + [True]
    assert not audio.answered()


def test_flushed_is_what_is_told_when_nothing_is_outstanding() -> None:
    audio = CommittedAudio()
    commit(audio, 500, 400)
    audio.ask()
    assert not audio.answered()
    assert [one.flushed for one in audio.completed("0", text("one"))] == [False]
    assert [one.flushed for one in audio.completed("1", text("two"))] == [True]


def test_a_partial_waits_for_the_text_before_it() -> None:
    audio = CommittedAudio()
    commit(audio, 500, 400)
    assert audio.delta("1", "late") is None
    partial = audio.delta("0", "ear")
    assert partial == Recognised("ear", 0, 500, False, words=(RecognisedWord("ear", 0, 500),))
    assert [audio.delta("0", more) for more in ("ly", " bird")][-1] == Recognised(
        "early bird", 0, 500, False, words=(RecognisedWord("early", 0, 272), RecognisedWord("bird", 272, 500))
    )
    assert audio.delta("unknown", "?") is None


def test_a_text_may_come_before_its_name() -> None:
    audio = CommittedAudio()
    audio.commit(SpokenSpan(), 500)
    assert [one.text for one in audio.completed("a", text("one"))] == ["one"]
    audio.commit(SpokenSpan(), 900)
    audio.name("a")
    assert [one.end_ms for one in audio.completed("b", text("two"))] == [900]


def test_what_will_be_committed_again_is_partial() -> None:
    audio = CommittedAudio()
    audio.commit(SpokenSpan(), 500, glance=True)
    audio.ask()
    assert [(one.final, one.flushed) for one in audio.completed("a", text("one"))] == [(False, True)]


def test_text_that_nobody_asked_for_answers_nothing() -> None:
    audio = CommittedAudio()
    commit(audio, 500)
    assert [one.flushed for one in audio.completed("0", text("one"))] == [False]
    audio.ask()
    assert audio.answered()
