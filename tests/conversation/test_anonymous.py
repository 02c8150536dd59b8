from __future__ import annotations

from pathlib import Path
from random import Random

from gateway.conversation.anonymous import anonymous
from gateway.conversation.events import (
    Answered,
    KeyPressed,
    SpeechEnded,
    SpeechStarted,
    Started,
    TimePassed,
    Transcribed,
)
from gateway.conversation.plan import TurnPlan
from gateway.conversation.recording import Recording, Step, read_recordings
from gateway.conversation.replay import replay

RECORDING = Path(__file__).parent / "recordings" / "interrupted.jsonl"


def said(*texts: str) -> Recording:
    """A caller who says this, each text a turn; nobody answers."""
    steps = [Step(Started(0)), Step(Answered(0))]
    for index, text in enumerate(texts):
        at = 1000 + index * 60_000
        steps += [
            Step(SpeechStarted(at, at)),
            Step(SpeechEnded(at + 1100, at + 1000)),
            Step(TimePassed(at + 1160)),
            Step(Transcribed(at + 1200, 1 + index * 2, text)),
            Step(TimePassed(at + 20_000)),
        ]
    return Recording(TurnPlan(greeting=""), steps=steps)


def texts(recording: Recording) -> list[str]:
    return [step.event.text for step in recording.steps if isinstance(step.event, Transcribed)]


def test_an_anonymous_call_is_decided_as_the_true_one() -> None:
    (true,) = read_recordings(RECORDING.read_text().splitlines())
    veiled, _ = anonymous(true, Random(1))
    assert not [step for step in replay(veiled) if step.differs]
    assert [step.event.at for step in veiled.steps] == [step.event.at for step in true.steps]
    assert [step.deadline for step in veiled.steps] == [step.deadline for step in true.steps]
    assert "flower" in true.lines()
    assert "flower" not in veiled.lines().lower()


def test_length_case_and_punctuation_stay_and_words_do_not() -> None:
    (text,) = texts(anonymous(said("My name is Schröder, Anna Schröder."), Random(1))[0])
    name = text.split()[3].rstrip(",")
    assert (len(name), name[0].isupper(), name[1:].islower()) == (8, True, True)
    assert text == f"{text[:11]}{name}, {text[21:25]} {name}."
    assert "Schröder" not in text
    assert "Anna" not in text


def test_digits_change_places() -> None:
    recording = said("12 and one four")
    recording.steps += [Step(KeyPressed(200_000, "1")), Step(KeyPressed(200_100, "#"))]
    veiled, _ = anonymous(recording, Random(3))
    number, *_, first, second = texts(veiled)[0].split()
    assert number.isdigit()
    assert number != "12"
    assert first in ("one", "two", "six")
    assert second in ("zero", "four", "five", "nine")
    keys = [step.event.digit for step in veiled.steps if isinstance(step.event, KeyPressed)]
    assert keys == [number[0], "#"]


def test_a_word_that_a_decision_hangs_on_stays() -> None:
    veiled, kept = anonymous(said("the street is and"), Random(1))
    assert "and" in kept
    assert "street" not in kept
    assert texts(veiled)[0].endswith(" and")
