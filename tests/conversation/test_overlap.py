from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.overlap import Overlap, OverlapPlan, Ruling, classify, judge, next_look

PLAN = OverlapPlan(acknowledgements=("okay", "uh-huh", "i see"), interruptions=("stop", "hold on"))
COUNTING = OverlapPlan(num_words=2, acknowledgements=("okay",))


def situation(at: int, *, speaking: bool = True, speech: int = 0, text: str | None = None) -> Overlap:
    return Overlap(at, 1000, speaking, speech, text, 1500)


@pytest.mark.parametrize(
    ("overlap", "plan", "ruling"),
    [
        (situation(1300, speech=300), PLAN, None),
        (situation(1450, speech=450), PLAN, Ruling(True, "interruption")),
        (situation(1200, speech=200), OverlapPlan(), Ruling(True, "interruption")),
        (situation(1450, speech=450), COUNTING, None),
        (situation(1500, speech=500), COUNTING, Ruling(False, "timeout")),
        (situation(1200, speaking=False), PLAN, None),
        (situation(1300, speaking=False), PLAN, Ruling(False, "noise")),
        (situation(1300, speaking=False, speech=150), PLAN, Ruling(False, "noise")),
        (situation(1300, speaking=False, speech=250), PLAN, None),
        (situation(1500, speaking=False, speech=250), PLAN, Ruling(False, "timeout")),
        (situation(1500, speech=300), PLAN, Ruling(True, "timeout")),
        (situation(1350, speaking=False, speech=250, text="Okay, I see."), PLAN, Ruling(False, "backchannel")),
        (situation(1350, speaking=False, speech=250, text=""), PLAN, Ruling(False, "noise")),
        (situation(1350, speaking=False, speech=250, text="no thanks"), PLAN, Ruling(True, "interruption")),
        (situation(1350, speaking=False, speech=250, text="thanks"), COUNTING, Ruling(False, "backchannel")),
        (situation(1350, speech=250, text="okay"), PLAN, None),
        (situation(1350, speech=250, text="okay stop"), PLAN, Ruling(True, "interruption")),
    ],
)
def test_rulings(overlap: Overlap, plan: OverlapPlan, ruling: Ruling | None) -> None:
    assert judge(overlap, plan) == ruling


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("uh-huh", "backchannel"),
        ("Okay okay", "backchannel"),
        ("I see okay", "backchannel"),
        ("I see a problem", "interruption"),
        ("Hold on!", "interruption"),
        ("...", "noise"),
    ],
)
def test_words(text: str, kind: str) -> None:
    assert classify(text, PLAN) == kind


@given(
    at=st.integers(1000, 1700),
    speaking=st.booleans(),
    speech=st.integers(0, 700),
    text=st.sampled_from([None, "", "okay", "stop", "what is that"]),
    words=st.integers(0, 3),
)
def test_there_is_always_a_ruling_by_the_deadline_and_a_later_look_before(
    at: int, speaking: bool, speech: int, text: str | None, words: int
) -> None:
    plan = OverlapPlan(num_words=words, acknowledgements=("okay",), interruptions=("stop",))
    overlap = situation(at, speaking=speaking, speech=speech, text=text)
    if judge(overlap, plan) is None:
        assert at < overlap.decide_by_ms
        assert at < next_look(overlap, plan) <= overlap.decide_by_ms
