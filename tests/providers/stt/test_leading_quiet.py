"""Silence before what is said stays here; nothing that is said does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.stt.leading_quiet import LeadingQuiet
from tests.providers.speech import silence, tone


def test_half_a_second_of_the_silence_goes_along() -> None:
    quiet = LeadingQuiet()
    assert [quiet.push(silence(100)) for _ in range(20)] == [b""] * 20
    assert quiet.push(tone(400, 100)) == silence(500) + tone(400, 100)
    assert quiet.push(silence(100)) == silence(100), "what is between words is sent"


def test_after_a_text_silence_leads_again() -> None:
    quiet = LeadingQuiet()
    quiet.push(tone(400, 100))
    quiet.reset()
    assert quiet.push(silence(100)) == b""
    assert quiet.push(tone(400, 20)) == silence(100) + tone(400, 20)


@given(st.lists(st.booleans(), max_size=60))
def test_from_the_first_sound_on_all_is_sent(loud: list[bool]) -> None:
    quiet = LeadingQuiet()
    frames = [tone(400, 20) if sound else silence(20) for sound in loud]
    sent = b"".join(map(quiet.push, frames))
    first = loud.index(True) if True in loud else len(loud)
    assert sent == b"".join(frames[max(0, first - 25) :]) if True in loud else not sent
