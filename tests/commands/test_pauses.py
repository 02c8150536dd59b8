from __future__ import annotations

from gateway.call.record import Pause
from gateway.commands.pauses import evidence_of, explained
from gateway.conversation.commands import GiveVerdict
from gateway.conversation.events import Event, PauseNoticed, SpeechEnded, SpeechStarted, Transcribed
from gateway.conversation.plan import TurnPlan
from gateway.conversation.recording import Recording, Step

PAUSE = Pause(at_ms=900, onset_ms=860, pause=1, utterance=1, position=7000)


def notice(pause: int, at: int) -> PauseNoticed:
    return PauseNoticed(at, pause, at - 40, 1, 7000, at + 500)


def evidence(*steps: tuple[Event, int]) -> dict[int, str]:
    """What is found when each event comes with a verdict on this pause, 0 for none."""
    lived = [Step(event, (GiveVerdict(pause, True, "x"),) if pause else ()) for event, pause in steps]
    return evidence_of([Recording(TurnPlan(), steps=lived)])


def test_evidence_is_what_came_between_the_pause_and_its_verdict() -> None:
    found = evidence(
        (SpeechStarted(800, 790), 0),
        (notice(1, 900), 0),
        (SpeechEnded(1100, 1050), 0),
        (Transcribed(1200, 1, ""), 1),
        (Transcribed(1300, 2, "too late"), 0),
    )
    assert found == {1: "silence since 1.05 s, no words"}


def test_a_second_pause_does_not_lose_the_first() -> None:
    found = evidence(
        (notice(1, 900), 0), (SpeechStarted(950, 870), 0), (notice(2, 1000), 0), (Transcribed(1100, 1, "stop"), 1)
    )
    assert found == {1: 'speech since 0.87 s, "stop"'}


def test_a_decision_says_how_long_it_took_and_why() -> None:
    decided = PAUSE.model_copy(update={"decision": "cut", "reason": "interruption", "decided_ms": 1210})
    assert explained(decided, {1: '"stop"'}) == (
        "caller spoke at 0.86 s: cut 310 ms later, interruption (the caller took the floor, by words or by speech that "
        'went on); known by then: "stop"'
    )


def test_a_reason_of_another_version_stands_for_itself() -> None:
    decided = PAUSE.model_copy(update={"decision": "resume", "reason": "sneeze", "decided_ms": 1000})
    assert explained(decided, {}) == "caller spoke at 0.86 s: resume 100 ms later, sneeze"


def test_a_pause_that_the_call_did_not_outlive_was_never_decided() -> None:
    assert explained(PAUSE, {}) == "caller spoke at 0.86 s: never decided"
