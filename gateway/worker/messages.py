"""Between the link's messages and the turn machine's events and commands."""

from __future__ import annotations

from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.link.v1 import link_pb2 as pb
from gateway.providers.health import Circuit

_PLAYOUT = {
    pb.PlayoutReport.STATE_PLAYING: e.PlayoutState.PLAYING,
    pb.PlayoutReport.STATE_PAUSED: e.PlayoutState.PAUSED,
    pb.PlayoutReport.STATE_FINISHED: e.PlayoutState.FINISHED,
    pb.PlayoutReport.STATE_CUT: e.PlayoutState.CUT,
}


_STATES = {
    "closed": pb.ProviderHealth.STATE_CLOSED,
    "open": pb.ProviderHealth.STATE_OPEN,
    "half-open": pb.ProviderHealth.STATE_HALF_OPEN,
}


def health_message(circuit: Circuit, now: float) -> pb.ProviderHealth:
    """What is known of a provider; `now` is seconds of the clock of its circuit."""
    return pb.ProviderHealth(
        stage=circuit.stage,
        name=circuit.name,
        state=_STATES[circuit.state(now)],
        successes=circuit.successes,
        failures=circuit.failures,
        first_result_p50_ms=circuit.first_ms_p50,
        first_result_p95_ms=circuit.first_ms_p95,
        open_seconds=circuit.open_seconds(now),
    )


def event_of(event: pb.GatewayEvent, now: int) -> e.Event | None:
    """The turn machine's event for a message that came at `now`, ms of the call clock; None when it is none of its."""
    match event.WhichOneof("event"):
        case "playout":
            report = event.playout
            state = _PLAYOUT.get(report.state, e.PlayoutState.PLAYING)
            return e.PlayoutReported(now, report.utterance, report.position, state)
        case "pause":
            pause = event.pause
            return e.PauseNoticed(now, pause.pause, pause.onset_ms, pause.utterance, pause.position, pause.decide_by_ms)
        case "keypress":
            return e.KeyPressed(now, event.keypress.digit)
        case "say":
            return e.SayRequested(now, event.say.text, event.say.end_call_after, not event.say.uninterruptible)
    return None


Outward = c.CutUtterances | c.GiveVerdict | c.HangUp | c.Fail


def message_of(command: Outward, now: int) -> pb.WorkerEvent:
    """The message that carries a command to the gateway."""
    match command:
        case c.CutUtterances(up_to=up_to):
            return pb.WorkerEvent(cut=pb.CutUtterances(up_to=up_to))
        case c.GiveVerdict(pause=pause, cut=cut, reason=reason, resume_from=border):
            decision = pb.Verdict.DECISION_CUT if cut else pb.Verdict.DECISION_RESUME
            verdict = pb.Verdict(pause=pause, decision=decision, resume_from=border, reason=reason)
            return pb.WorkerEvent(verdict=verdict)
        case c.HangUp(reason=reason, after_playout=after_playout):
            hangup = pb.Hangup(reason=reason, after_playout=after_playout)
            return pb.WorkerEvent(action=pb.Action(action=f"hangup-{now}", hangup=hangup))
        case c.Fail(reason=reason, detail=detail):
            return pb.WorkerEvent(failure=pb.Failure(reason=reason, detail=detail))
