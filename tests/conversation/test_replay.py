from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from gateway.conversation.commands import CloseReply, CommitTurn
from gateway.conversation.events import Answered, PlayoutReported, PlayoutState, Started, UtteranceVoiced, WordSpan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.replay import Recorder, RecordingError, decode, encode, read_recording, replay
from gateway.conversation.turn import TurnMachine
from tests.conversation.test_turn_properties import Chaos

RECORDINGS = Path(__file__).parent / "recordings"


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_a_recorded_call_gives_the_commands_that_it_gave(path: Path) -> None:
    expected = json.loads(path.with_suffix(".commands.json").read_text())
    assert [[str(command) for command in commands] for _, commands in replay(path.open())] == expected


def test_the_recorded_call_holds_an_interruption() -> None:
    """The recording is worth its place only while it shows the whole of a conversation."""
    commands = [command for _, given in replay((RECORDINGS / "interrupted.jsonl").open()) for command in given]
    assert len([command for command in commands if isinstance(command, CommitTurn)]) >= 2
    assert any(isinstance(command, CloseReply) and command.interrupted for command in commands)


def test_what_a_recorder_wrote_runs_as_the_call_did() -> None:
    chaos, file = Chaos(7), io.StringIO()
    plan = TurnPlan(greeting="Hello.")
    machine, recorder = TurnMachine(plan), Recorder(file, plan)
    lived = []
    for event in [Started(0), Answered(0), *(chaos.next(machine) for _ in range(200))]:
        recorder.record(event)
        lived.append((event, machine.handle(event)))
    assert list(replay(file.getvalue().splitlines())) == lived


def test_events_are_written_and_read_back() -> None:
    for event in (
        UtteranceVoiced(20, 3, 160, True, (WordSpan("hi", 0, 160),)),
        PlayoutReported(40, 3, 160, PlayoutState.FINISHED),
        Started(0),
    ):
        assert decode(json.loads(json.dumps(encode(event)))) == event


@pytest.mark.parametrize(
    "line", ['{"event":"Nothing","at":1}', '{"event":"Started"}', '{"event":"Started","x":1,"at":1}']
)
def test_a_damaged_line_is_named(line: str) -> None:
    with pytest.raises(RecordingError, match="recorded event"):
        decode(json.loads(line))


def test_a_file_that_is_no_recording_is_refused() -> None:
    with pytest.raises(RecordingError, match="first line"):
        read_recording(['{"event":"Started","at":0}'])
