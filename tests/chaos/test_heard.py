"""What a caller heard, judged by packets of words that are tones."""

from __future__ import annotations

import audioop
from collections.abc import Sequence

import pytest

from gateway.chaos.heard import Heard, Packet, effect, judged
from gateway.chaos.tones import OTHER, WORDS, passage, tone

FRAME_NS = 20_000_000
WORDS_EACH = 4
SILENCE = b"\xff" * 160


def packets(words: Sequence[int | None], start_ns: int = 0) -> list[Packet]:
    """Words one after the other; None is 200 ms of silence."""
    found: list[Packet] = []
    for word in words:
        pcm = tone(word).tobytes() if word is not None else bytes(3200)
        for at in range(0, len(pcm), 320):
            payload = audioop.lin2ulaw(pcm[at : at + 320], 2)
            found.append(Packet(start_ns + len(found) * FRAME_NS, payload))
    return found


def call(words: Sequence[int | None], *, asked_ms: Sequence[int] = ()) -> Heard:
    came = packets(words)
    asked = [ms * 1_000_000 for ms in asked_ms]
    return Heard(WORDS_EACH, came, asked, began_ns=0, ended_ns=came[-1].at_ns)


@pytest.mark.parametrize("first", range(0, WORDS + 1, 10))
def test_each_word_is_told_from_its_neighbours(first: int) -> None:
    said = list(range(first, min(first + 10, OTHER + 1)))
    assert [word.number for word in call(said).words()] == said


def test_a_call_in_which_all_was_said_once_has_nothing_wrong() -> None:
    found = judged(call([*passage(0, 4), None, None, *passage(1, 4)], asked_ms=[1000]))
    assert (found.missing, found.repeated, found.others) == ([], [], 0)


def test_words_that_are_missing_and_words_that_come_again_are_named() -> None:
    found = judged(call([0, 1, OTHER, 3, 0]))
    assert (list(found.missing), list(found.repeated), found.others) == ([2], [0], 1)


def test_the_words_of_a_turn_that_was_not_answered_are_missing() -> None:
    assert judged(call([*passage(0, 4), None], asked_ms=[900])).missing == passage(1, 4)


def test_a_word_of_which_little_was_heard_is_missing() -> None:
    came = packets([0, 1, 2, 3])
    heard = Heard(WORDS_EACH, came[:10] + came[17:], ended_ns=came[-1].at_ns)
    assert judged(heard).missing == [1]


def test_silence_within_a_passage_counts_beyond_the_pauses_of_the_voice() -> None:
    steady, broken = call([0, 1, 2, 3]), call([0, 1, None, 2, 3])
    assert effect([steady], 1, 2).silence_ms == 0
    assert effect([steady, broken], 1, 2).silence_ms == pytest.approx(200)


def test_silence_before_an_answer_is_the_wait_for_it() -> None:
    found = effect([call([*passage(0, 4), None, None, *passage(1, 4)], asked_ms=[1000])], 1, 2)
    assert found.silence_ms == 0
    assert found.answer_ms == pytest.approx(200)


def test_a_gap_between_packets_is_told() -> None:
    came = packets([0, 1])
    late = [Packet(packet.at_ns + 70_000_000 * (at > 5), packet.payload) for at, packet in enumerate(came)]
    heard = Heard(WORDS_EACH, late, ended_ns=late[-1].at_ns)
    assert effect([heard], 1, 2).gap_ms == pytest.approx(90)


def test_only_those_who_were_on_the_telephone_met_a_fault() -> None:
    assert effect([call([0, 1, 2, 3])], 10**10, 10**10).calls == 0
