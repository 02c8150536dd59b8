"""Words are told with the audio that they should be in."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.conversation.heard import SAMPLES_PER_CHARACTER
from gateway.providers.realtime.pace import Pace, Speech

TEXT = "one two three four five"


def test_words_wait_for_their_audio() -> None:
    speech = Speech(Pace(), TEXT)
    assert speech.hear(160) == "one", "an utterance says something from its beginning"
    assert speech.hear(7 * SAMPLES_PER_CHARACTER) == "two"
    assert speech.hear(6 * SAMPLES_PER_CHARACTER) == "three"
    assert speech.rest() == "four five"


def test_a_word_that_is_not_complete_is_not_told() -> None:
    speech = Speech(Pace(), "one tw")
    assert speech.hear(100_000) == "one"
    speech.text += "o three"
    assert speech.hear(1) == "two"
    assert speech.rest() == "three"


def test_the_pace_is_learned_from_what_was_said_to_its_end() -> None:
    pace = Pace()
    first = Speech(pace, TEXT)
    first.hear(len(TEXT) * 300)
    first.rest()
    assert pace.samples_per_character == 300
    second = Speech(pace, TEXT)
    second.hear(160)
    assert second.hear(7 * 300) == "two"


@given(st.lists(st.integers(0, 4000), max_size=30), st.lists(st.sampled_from(["a", " ", "bc", ", "]), max_size=30))
@settings(deadline=None)
def test_no_word_is_lost_or_told_twice(pieces: list[int], texts: list[str]) -> None:
    speech, told = Speech(Pace()), list[str]()
    for index in range(max(len(pieces), len(texts))):
        speech.text += texts[index] if index < len(texts) else ""
        told.append(speech.hear(pieces[index] if index < len(pieces) else 0))
    told.append(speech.rest())
    assert " ".join(filter(None, told)).split() == "".join(texts).split()
