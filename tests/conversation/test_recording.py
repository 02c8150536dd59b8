from __future__ import annotations

import json

import pytest

from gateway.conversation.commands import CommitReply, PrepareSpeech, SpeechKind
from gateway.conversation.events import Answered, PlayoutReported, PlayoutState, Started, UtteranceVoiced, WordSpan
from gateway.conversation.overlap import OverlapPlan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.recording import Recorder, Recording, Step, decode, encode, read_recordings
from gateway.errors import RecordingError

PLAN = TurnPlan(greeting="Grüß Gott.", overlap=OverlapPlan(acknowledgements=("okay", "ja")))
STEPS = [
    Step(Started(0), (PrepareSpeech(1, 0, "Grüß Gott.", SpeechKind.GREETING),), 180_000),
    Step(Answered(40), (CommitReply(1),), 15_040),
    Step(UtteranceVoiced(60, 3, 160, True, (WordSpan("Grüß", 0, 160),)), (), 15_040),
    Step(PlayoutReported(80, 3, 160, PlayoutState.FINISHED), (), None),
]


def test_a_recording_is_read_as_it_was_written() -> None:
    (read,) = read_recordings(Recording(PLAN, "1.2.3", STEPS).lines().splitlines())
    assert read == Recording(PLAN, "1.2.3", STEPS)


def test_a_line_has_no_more_than_it_must() -> None:
    lines = Recording(PLAN, "1", STEPS).lines().splitlines()
    assert lines[2] == (
        '{"event":"Answered","at":40,"commands":[{"command":"CommitReply","reply":1}],"deadline":15040}'
    )
    assert lines[3].endswith('"words":[{"text":"Grüß","start":0,"end":160}]}'), "the deadline did not change"
    assert lines[4].endswith('"deadline":null}')


def test_a_recorder_gives_each_line_once() -> None:
    recorder = Recorder(PLAN)
    taken = []
    for step in STEPS:
        recorder.add(step.event, step.commands, step.deadline)
        taken.append(recorder.take())
    assert recorder.take() == ""
    assert "".join(taken) == Recording(PLAN, steps=STEPS).lines()


def test_a_worker_that_takes_the_call_over_begins_anew() -> None:
    one, other = Recording(PLAN, "1", STEPS), Recording(TurnPlan(), "2", STEPS[:1])
    assert read_recordings((one.lines() + other.lines()).splitlines()) == [one, other]


def test_a_last_line_that_a_crash_tore_is_left_out() -> None:
    text = Recording(PLAN, "1", STEPS).lines()
    (read,) = read_recordings(text[:-20].splitlines())
    assert read.steps == STEPS[:-1]


@pytest.mark.parametrize(
    "line",
    [
        '{"event":"Nothing","at":1}',
        '{"event":"Started"}',
        '{"event":"Started","x":1,"at":1}',
        '{"event":"PlayoutReported","at":1,"utterance":1,"position":1,"state":"flying"}',
    ],
)
def test_a_damaged_line_is_named(line: str) -> None:
    with pytest.raises(RecordingError, match="recorded event"):
        decode(json.loads(line))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        ('{"event":"Started","at":0}', "first line"),
        ("nonsense", "Line 1 of the recording is no JSON"),
        ('{"plan":{"wait_ms":"soon"}}', "plan of the recording is not valid: wait_ms"),
        (
            '{"plan":{}}\n{"event":"Started","at":0,"commands":[{"command":"Dance"}]}',
            "recorded command .* no known kind",
        ),
    ],
)
def test_a_file_that_is_no_recording_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(RecordingError, match=sentence):
        read_recordings(text.splitlines())


def test_values_name_their_class_first() -> None:
    assert encode(CommitReply(3)) == '{"command":"CommitReply","reply":3}'
