from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.conversation.commands import CloseReply, CommitTurn
from gateway.conversation.events import Answered, SpeechEnded, SpeechStarted, Started, TimePassed, Transcribed
from gateway.conversation.plan import TurnPlan
from gateway.conversation.recording import Recording, Step, read_recordings
from gateway.conversation.replay import ReplayedStep, as_decided_now, replay
from gateway.conversation.turn import TurnMachine
from tests.conversation.test_turn_properties import Chaos

RECORDINGS = Path(__file__).parent / "recordings"


def recordings(path: Path) -> list[Recording]:
    return read_recordings(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_a_recorded_call_is_decided_as_it_was(path: Path) -> None:
    differing = [step for recording in recordings(path) for step in replay(recording) if step.differs]
    assert not differing, (
        f"`parley replay {path}` shows the decisions that changed; "
        f"if they are better now, `parley replay {path} --fixture {path.stem}` keeps them."
    )


def test_the_recorded_call_holds_an_interruption() -> None:
    """The recording is worth its place only while it shows the whole of a conversation."""
    (recording,) = recordings(RECORDINGS / "interrupted.jsonl")
    commands = [command for step in replay(recording) for command in step.commands]
    assert len([command for command in commands if isinstance(command, CommitTurn)]) >= 2
    assert any(isinstance(command, CloseReply) and command.interrupted for command in commands)


def lived(seed: int, plan: TurnPlan) -> Recording:
    """A conversation of random events, as a worker records it."""
    chaos, machine = Chaos(seed), TurnMachine(plan)
    recording = Recording(plan)
    for event in [Started(0), Answered(0), *(chaos.next(machine) for _ in range(200))]:
        recording.steps.append(Step(event, tuple(machine.handle(event)), machine.deadline))
    return recording


@pytest.mark.parametrize("seed", range(20))
def test_what_was_recorded_runs_as_the_call_did(seed: int) -> None:
    recording = lived(seed, TurnPlan(greeting="Hello."))
    (read,) = read_recordings(recording.lines().splitlines())
    assert as_decided_now(read) == recording


def one_turn() -> Recording:
    """A caller says one sentence, and nothing comes after the turn was taken 400 ms later."""
    plan, machine = TurnPlan(wait_ms=400), None
    recording = Recording(plan)
    machine = TurnMachine(plan)
    events = (
        Started(0),
        Answered(0),
        SpeechStarted(1000, 1000),
        SpeechEnded(2100, 2000),
        TimePassed(2160),
        Transcribed(2300, 1, "I would like to know your opening hours"),
        TimePassed(2400),
        TimePassed(3200),
    )
    for event in events:
        recording.steps.append(Step(event, tuple(machine.handle(event)), machine.deadline))
    return recording


def decided_with(wait_ms: int) -> list[ReplayedStep]:
    """The call with its recorded decisions, by a machine that waits otherwise now."""
    recording = one_turn()
    return list(replay(replace(recording, plan=replace(recording.plan, wait_ms=wait_ms))))


@pytest.mark.parametrize(("wait_ms", "at"), [(400, 2400), (800, 2800), (350, 2350)])
def test_rules_that_changed_act_at_their_own_time(wait_ms: int, at: int) -> None:
    steps = decided_with(wait_ms)
    assert [s.event.at for s in steps for command in s.commands if isinstance(command, CommitTurn)] == [at]


def test_both_moments_of_a_decision_that_moved_differ() -> None:
    moved = [step for step in decided_with(800) if step.differs]
    assert [(step.event.at, len(step.recorded), len(step.commands)) for step in moved] == [(2400, 2, 0), (2800, 0, 2)]
