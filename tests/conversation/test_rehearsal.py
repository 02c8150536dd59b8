from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.plan import TurnPlan
from gateway.conversation.recording import Recording, Step, read_recordings
from gateway.conversation.rehearsal import rehearse
from gateway.conversation.replay import ReplayedStep
from gateway.conversation.turn import TurnMachine
from tests.conversation.test_replay import lived

RECORDING = Path(__file__).parent / "recordings" / "interrupted.jsonl"
SENTENCE = "I would like to know your opening hours"

Wanted = TypeVar("Wanted", bound=c.Command)


def record(plan: TurnPlan, *events: e.Event) -> Recording:
    machine, recording = TurnMachine(plan), Recording(plan)
    for event in events:
        recording.steps.append(Step(event, tuple(machine.handle(event)), machine.deadline))
    return recording


def answered_turn() -> Recording:
    """A sentence, taken after 400 ms by a timer that is 3 ms late, and an answer of 1 s that is heard."""
    return record(
        TurnPlan(wait_ms=400),
        e.Started(0),
        e.Answered(0),
        e.SpeechStarted(1000, 1000),
        e.SpeechEnded(2100, 2000),
        e.TimePassed(2163),
        e.Transcribed(2250, 1, SENTENCE),
        e.TimePassed(2403),
        e.UtteranceQueued(2420, 2, 7, "From nine to six."),
        e.UtteranceVoiced(2440, 7, 8000, True),
        e.ReplyFinished(2440, 2),
        e.PlayoutReported(2460, 7, 160, e.PlayoutState.PLAYING),
        e.PlayoutReported(3460, 7, 8000, e.PlayoutState.FINISHED),
        e.CallEnded(9000),
    )


def test_a_worker_whose_clock_is_behind_its_deadline_is_understood() -> None:
    """A deadline may be met some ms early: then what follows is dated before it."""
    recording = answered_turn()
    early = [replace(step.event, at=2395) if 2403 < step.event.at < 2450 else step.event for step in recording.steps]
    recording = record(recording.plan, *early)
    assert not [step for step in rehearse(recording, recording.plan) if step.differs]
    steps = rehearse(recording, replace(recording.plan, wait_ms=900))
    ((closed, reply),) = moments(steps, c.CloseReply)
    assert (closed, reply.heard) == (3957, "From nine to six.")


def moments(steps: list[ReplayedStep], kind: type[Wanted]) -> list[tuple[int, Wanted]]:
    return [(step.event.at, command) for step in steps for command in step.commands if isinstance(command, kind)]


@pytest.mark.parametrize("path", sorted(RECORDING.parent.glob("*.jsonl")), ids=lambda path: path.stem)
def test_with_its_own_plan_a_call_goes_as_it_went(path: Path) -> None:
    for recording in read_recordings(path.read_text(encoding="utf-8").splitlines()):
        assert not [step for step in rehearse(recording, recording.plan) if step.differs]


@pytest.mark.parametrize(("wait_ms", "later_ms"), [(900, 497), (250, -153)])
def test_an_answer_comes_as_long_after_its_turn_as_it_came(wait_ms: int, later_ms: int) -> None:
    recording = answered_turn()
    steps = rehearse(recording, replace(recording.plan, wait_ms=wait_ms))
    ((committed, _),) = moments(steps, c.CommitTurn)
    ((closed, reply),) = moments(steps, c.CloseReply)
    assert (committed, closed) == (2403 + later_ms, 3460 + later_ms)
    assert (reply.heard, reply.interrupted) == ("From nine to six.", False)


def test_decisions_that_moved_stand_at_both_moments_under_the_ids_that_they_had() -> None:
    recording = answered_turn()
    moved = [step for step in rehearse(recording, replace(recording.plan, wait_ms=900)) if step.differs]
    assert [step.event.at for step in moved] == [2403, 2900, 3460, 3957]
    assert moved[0].recorded[-1] == moved[1].commands[-1] == c.CommitReply(2)
    assert moved[2].recorded == moved[3].commands


def test_a_greeting_that_was_not_recorded_has_no_words_and_moves_the_ids_of_the_rest() -> None:
    recording = answered_turn()
    steps = rehearse(recording, replace(recording.plan, greeting="Hello."))
    ((_, reply),) = moments(steps, c.CloseReply)
    assert (reply.reply, reply.text) == (2, "From nine to six.")


def test_a_cut_that_was_not_recorded_ends_what_plays() -> None:
    recording = answered_turn()
    key = Step(e.KeyPressed(2900, "1"))
    recording.steps.insert(-2, key)
    ((_, reply),) = moments(rehearse(recording, recording.plan), c.CloseReply)
    assert reply.interrupted
    assert reply.text.startswith(reply.heard)


def test_a_transcript_that_was_not_asked_for_then_is_empty() -> None:
    recording = answered_turn()
    recording.steps[4:7] = []
    steps = rehearse(recording, recording.plan)
    assert [step.event for step in steps if isinstance(step.event, e.Transcribed)] == [e.Transcribed(2300, 1, "")]
    assert not moments(steps, c.CommitTurn)


@pytest.mark.parametrize("seed", range(50))
def test_whatever_was_recorded_any_plan_can_be_tried(seed: int) -> None:
    recording = lived(seed, TurnPlan(greeting="Hello."))
    for plan in (recording.plan, TurnPlan(wait_ms=1200), TurnPlan(greeting="Hi.", max_duration_ms=9000)):
        steps = rehearse(recording, plan)
        recorded = [command for step in recording.steps for command in step.commands]
        assert len([command for step in steps for command in step.recorded]) == len(recorded)
