"""Utterances are final once, and in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.stt.gladia_utterances import TranscriptMessage, Utterances


def message(number: int, text: str, *, final: bool, confidence: float = 0.9) -> TranscriptMessage:
    utterance = {"text": text, "start": number, "end": number + 0.5, "confidence": confidence, "words": []}
    return TranscriptMessage.model_validate({"data": {"id": f"{number}", "is_final": final, "utterance": utterance}})


@given(st.permutations(range(4)), st.integers(1, 2))
def test_what_is_final_waits_for_what_began_earlier(order: list[int], times: int) -> None:
    utterances = Utterances(0)
    for number in range(4):
        utterances.told(message(number, "part", final=False))
    told = [
        result.text
        for number in order
        for _ in range(times)
        for result in utterances.told(message(number, f"whole {number}", final=True))
    ]
    assert told == [f"whole {number}" for number in range(4)]
    assert not utterances.waits


def test_the_earliest_partial_is_the_one_that_is_told() -> None:
    utterances = Utterances(0)
    assert [one.text for one in utterances.told(message(1, "first", final=False))] == ["first"]
    assert utterances.told(message(2, "second", final=False)) == []


def test_what_is_given_up_is_told_as_it_is_and_not_again() -> None:
    utterances = Utterances(0)
    utterances.told(message(1, "first part", final=False))
    assert [(one.text, one.final) for one in utterances.give_up()] == [("first part", True)]
    assert utterances.told(message(1, "first part, and more", final=True)) == []
    assert utterances.give_up() == []


def test_what_is_not_sure_enough_has_no_text() -> None:
    assert [one.text for one in Utterances(0.5).told(message(1, "mumble", final=True, confidence=0.4))] == [""]
