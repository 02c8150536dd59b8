"""Why each pause of the agent's voice was decided so, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.call.record import Pause
from gateway.conversation.commands import GiveVerdict
from gateway.conversation.events import (
    EchoHeard,
    Event,
    PartialHeard,
    PauseNoticed,
    SpeechEnded,
    SpeechMeasured,
    SpeechStarted,
    Transcribed,
)
from gateway.conversation.overlap import is_side_talk
from gateway.conversation.recording import Recording

MEANINGS: Mapping[str, str] = {
    "interruption": "the caller took the floor, by words or by speech that went on",
    "backchannel": "the caller only acknowledged",
    "noise": "no speech, or too little of it",
    "echo": "the caller's line gave our own voice back",
    "side-talk": "somebody else in the room spoke",
    "timeout": "nothing was known in time",
    "overtaken": "what was paused was cut otherwise",
    "uninterruptible": "this passage is said to its end",
    "stale": "it was over already",
    "hold": "the far end put the call on hold",
    "keypad": "the caller pressed a key",
    "ending": "these were the last words of the call",
    "stalled": "playout did not move",
    "voicemail": "a machine answered",
    "beep": "a machine beeped",
}
"""Verdicts as `gateway.conversation` and `gateway.call` give them."""


def explained(pause: Pause, evidence: Mapping[int, str]) -> str:
    """One pause: when the caller spoke, what was decided after how long, why, and what was known by then.

    :param evidence: what `evidence_of` found, by pause
    """
    spoke = f"caller spoke at {pause.onset_ms / 1000:.2f} s"
    if pause.decided_ms is None:
        return f"{spoke}: never decided"
    meaning = MEANINGS.get(pause.reason)
    because = f"{pause.reason} ({meaning})" if meaning else pause.reason
    known = f"; known by then: {evidence[pause.pause]}" if evidence.get(pause.pause) else ""
    return f"{spoke}: {pause.decision} {pause.decided_ms - pause.at_ms} ms later, {because}{known}"


def evidence_of(recordings: Iterable[Recording]) -> dict[int, str]:
    """What the turn machine was told of the caller between each pause and its verdict."""
    found: dict[int, str] = {}
    for recording in recordings:
        told: dict[int, list[str]] = {}
        for step in recording.steps:
            if isinstance(step.event, PauseNoticed):
                told[step.event.pause] = []
            elif fact := _fact(step.event):
                for facts in told.values():
                    facts.append(fact)
            for command in step.commands:
                if isinstance(command, GiveVerdict) and command.pause in told:
                    found[command.pause] = ", ".join(told.pop(command.pause))
    return found


def _fact(event: Event) -> str:
    """An event of the caller in a few words, empty for any other."""
    match event:
        case SpeechStarted(onset_ms=onset_ms):
            return f"speech since {onset_ms / 1000:.2f} s"
        case SpeechEnded(end_ms=end_ms):
            return f"silence since {end_ms / 1000:.2f} s"
        case Transcribed(text=text) | PartialHeard(text=text):
            return f'"{text}"' if text else "no words"
        case SpeechMeasured(over_usual_db=float(over_usual_db)) if is_side_talk(over_usual_db):
            return f"{-over_usual_db:.0f} dB quieter than usual"
        case EchoHeard(loss_db=loss_db):
            return f"our own voice {loss_db:.0f} dB down"
    return ""
