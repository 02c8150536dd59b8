from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.overlap import Overlap, OverlapPlan, Ruling, classify, judge, next_look

PLAN = OverlapPlan(acknowledgements=("okay", "uh-huh", "i see"), interruptions=("stop", "hold on"))
COUNTING = OverlapPlan(num_words=2, acknowledgements=("okay",))
WORDLESS = OverlapPlan()

CUT = Ruling(True, "interruption")


def speaking(at: int, speech_ms: int, **known: object) -> Overlap:
    """An overlap since 1000 ms, to be decided by 1760 ms, whose speech goes on."""
    return replace(Overlap(at, 1000, 1760, speaking=True, speech_ms=speech_ms), **known)  # type: ignore[arg-type]


def ended(at: int, speech_ms: int, **known: object) -> Overlap:
    """The same, when the speech is over."""
    overlap = Overlap(at, 1000, 1760, speech_ms=speech_ms, end_ms=1000 + speech_ms)
    return replace(overlap, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("overlap", "plan", "ruling"),
    [
        (speaking(1300, 300), PLAN, None),
        (speaking(1760, 760), PLAN, CUT),
        (speaking(1760, 760, text="Okay", text_to_ms=1480), PLAN, Ruling(False, "backchannel")),
        (speaking(1760, 760, text="Okay", text_to_ms=1480, again=True), PLAN, CUT),
        (speaking(1760, 760, text="", text_to_ms=1480), PLAN, CUT),
        (speaking(1760, 760, text="", text_to_ms=1480, paused=False), PLAN, Ruling(False, "noise")),
        (speaking(1760, 760, voiced=0.02), PLAN, CUT),
        (speaking(1760, 760, voiced=0.02, paused=False), PLAN, Ruling(False, "noise")),
        (speaking(1760, 760, text="Okay and", text_to_ms=1480), PLAN, CUT),
        (speaking(1760, 150), PLAN, Ruling(False, "timeout")),
        (speaking(1760, 760), COUNTING, Ruling(False, "timeout")),
        (speaking(1200, 200), WORDLESS, CUT),
    ],
)
def test_speech_that_goes_on_has_the_floor_at_the_deadline(
    overlap: Overlap, plan: OverlapPlan, ruling: Ruling | None
) -> None:
    assert judge(overlap, plan) == ruling


@pytest.mark.parametrize(
    ("text", "plan", "ruling"),
    [
        ("Okay, I see.", PLAN, Ruling(False, "backchannel")),
        ("Um.", PLAN, Ruling(False, "backchannel")),
        ("", PLAN, Ruling(False, "noise")),
        ("Uh uh. Mm-h", PLAN, Ruling(False, "backchannel")),
        ("Uh.", PLAN, CUT),
        ("Bye.", PLAN, CUT),
        ("Okay, stop.", PLAN, CUT),
        ("thanks", COUNTING, Ruling(False, "backchannel")),
        ("no thanks", COUNTING, CUT),
    ],
)
def test_speech_that_ended_is_what_its_words_say(text: str, plan: OverlapPlan, ruling: Ruling) -> None:
    assert judge(ended(1450, 250, text=text, text_to_ms=1250), plan) == ruling


def test_words_of_speech_that_goes_on_wait_while_nobody_hears_the_agent() -> None:
    words = {"text": "Thank you", "text_to_ms": 1480}
    assert judge(speaking(1650, 650, **words), PLAN) is None
    assert judge(speaking(1650, 650, paused=False, **words), PLAN) == CUT


def test_words_of_the_beginning_stand_for_the_whole_when_little_came_after_them() -> None:
    words = {"text": "I see", "text_to_ms": 1480}
    assert judge(ended(1700, 560, **words), PLAN) == Ruling(False, "backchannel")
    assert judge(ended(1740, 620, **words), PLAN) is None
    assert judge(ended(1760, 620, **words), PLAN) == Ruling(False, "backchannel")


def test_a_dip_is_no_end() -> None:
    okay = ended(1400, 300, text="Okay", text_to_ms=1300)
    assert judge(okay, PLAN) is None
    assert next_look(okay, PLAN) == 1420
    assert judge(replace(okay, at=1420), PLAN) == Ruling(False, "backchannel")


@pytest.mark.parametrize(
    ("overlap", "ruling"),
    [
        (ended(1200, 0), None),
        (ended(1300, 0), Ruling(False, "noise")),
        (ended(1300, 150), Ruling(False, "noise")),
        (ended(1400, 250), None),
        (ended(1760, 400), Ruling(False, "timeout")),
    ],
)
def test_a_burst_without_words_is_noise(overlap: Overlap, ruling: Ruling | None) -> None:
    assert judge(overlap, PLAN) == ruling


@pytest.mark.parametrize(("over_usual_db", "ruling"), [(-14.0, Ruling(False, "side-talk")), (-5.0, None), (None, None)])
def test_somebody_else_in_the_room_is_no_caller(over_usual_db: float | None, ruling: Ruling | None) -> None:
    assert judge(speaking(1400, 400, over_usual_db=over_usual_db), PLAN) == ruling


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("uh-huh", "backchannel"),
        ("Okay okay", "backchannel"),
        ("I see okay", "backchannel"),
        ("I see a problem", "interruption"),
        ("Hold on!", "interruption"),
        ("...", "noise"),
        ("it should arrive on Tuesday between nine", "echo"),
        ("on Thursday?", "interruption"),
        ("it should be on my table", "interruption"),
    ],
)
def test_words(text: str, kind: str) -> None:
    assert classify(text, PLAN, agent="It should arrive on Thursday between nine and twelve.") == kind


@given(
    at=st.integers(1000, 2000),
    goes_on=st.booleans(),
    paused=st.booleans(),
    speech=st.integers(0, 700),
    text=st.sampled_from([None, "", "okay", "stop", "what is that"]),
    to_ms=st.integers(1000, 1800),
    plan=st.sampled_from([PLAN, COUNTING, WORDLESS]),
    over_usual_db=st.sampled_from([None, -20.0, 0.0]),
)
@pytest.mark.scenario("MED-09", peer="simulated time", transport="none")
def test_there_is_always_a_ruling_by_the_deadline_and_a_later_look_before(
    at: int,
    goes_on: bool,
    paused: bool,
    speech: int,
    text: str | None,
    to_ms: int,
    plan: OverlapPlan,
    over_usual_db: float | None,
) -> None:
    make = speaking if goes_on else ended
    overlap = make(at, speech, text=text, text_to_ms=to_ms, paused=paused, over_usual_db=over_usual_db)
    if judge(overlap, plan) is None:
        assert at < overlap.decide_by_ms
        assert at < next_look(overlap, plan) <= overlap.decide_by_ms
