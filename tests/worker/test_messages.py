from __future__ import annotations

import pytest

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.link.v1 import link_pb2 as pb
from gateway.worker.messages import Outward, event_of, message_of


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (
            pb.GatewayEvent(playout=pb.PlayoutReport(utterance=3, position=160, state=pb.PlayoutReport.STATE_CUT)),
            e.PlayoutReported(40, 3, 160, e.PlayoutState.CUT),
        ),
        (
            pb.GatewayEvent(
                pause=pb.PauseNotice(pause=1, onset_ms=20, utterance=3, position=160, decide_by_ms=520, at_ms=30)
            ),
            e.PauseNoticed(40, 1, 20, 3, 160, 520),
        ),
        (pb.GatewayEvent(keypress=pb.Keypress(digit="#")), e.KeyPressed(40, "#")),
        (pb.GatewayEvent(say=pb.Say(text="Hi", end_call_after=True)), e.SayRequested(40, "Hi", True)),
        (pb.GatewayEvent(audio=pb.CallerAudio()), None),
        (pb.GatewayEvent(), None),
    ],
)
def test_messages_become_events(message: pb.GatewayEvent, event: e.Event | None) -> None:
    assert event_of(message, 40) == event


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (c.CutUtterances(7, "interruption"), pb.WorkerEvent(cut=pb.CutUtterances(up_to=7))),
        (
            c.GiveVerdict(2, False, "noise", 800),
            pb.WorkerEvent(
                verdict=pb.Verdict(pause=2, decision=pb.Verdict.DECISION_RESUME, resume_from=800, reason="noise")
            ),
        ),
        (
            c.GiveVerdict(2, True, "interruption"),
            pb.WorkerEvent(verdict=pb.Verdict(pause=2, decision=pb.Verdict.DECISION_CUT, reason="interruption")),
        ),
        (
            c.HangUp("silence-timed-out", after_playout=False),
            pb.WorkerEvent(action=pb.Action(action="hangup-40", hangup=pb.Hangup(reason="silence-timed-out"))),
        ),
        (c.Fail("r", "d"), pb.WorkerEvent(failure=pb.Failure(reason="r", detail="d"))),
    ],
)
def test_commands_become_messages(command: Outward, message: pb.WorkerEvent) -> None:
    assert message_of(command, 40) == message
