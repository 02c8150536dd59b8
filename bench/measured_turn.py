"""A turn seen twice: on the wire, and in the product's record of it.

The whole, on the wire: capture time of the caller's last loud packet to capture time of the agent's first loud packet.
A packet of the caller carries speech that was over when it was sent, a packet of the agent carries speech that begins
when it is sent, so nothing of the codec's packet time hides in the whole. Of that:

    buffering    the caller's last packet on the wire → its end on the call clock: jitter buffer, decoder, concealment
    dating       → the end of speech as the product dates it; negative when that is earlier
    endpointing  → the moment at which the conversation wanted to take the turn, from the record
    the rest     → the agent's first loud packet: decision, link, model, voice, play ring, the media tick
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.alignment import Alignment
from bench.caller import HeldCall
from tests.peers.rtp import RtpStream
from tests.peers.talk import TurnLatency, turn_latencies

_APART_MS = 400
"""A turn of the record is this near to the one on the wire; a voice that begins softly is loud on the wire later."""


@dataclass(frozen=True, slots=True)
class MeasuredTurn:
    """All in ms. `recorded` is the turn's latency in the call record."""

    wire: float
    buffering: float
    dating: float
    recorded: dict[str, Any]

    @property
    def endpointing(self) -> float:
        return float(self.recorded["endpointing"])

    @property
    def overhead(self) -> float:
        """What is not the wait that the conversation chose."""
        return self.wire - self.endpointing

    @property
    def rest(self) -> float:
        return self.overhead - self.buffering - self.dating

    @property
    def apart(self) -> float:
        """Between the whole in the record and the whole on the wire."""
        return abs(float(self.recorded["total"]) - self.wire)


def measured_turns(held: HeldCall) -> list[MeasuredTurn]:
    """The answered turns of a call that the record has too."""
    alignment = Alignment.of(held.call.agent, held.recording)
    caller, recorded = held.call.caller, [turn for turn in held.record["latency"] if turn["total"] is not None]
    turns = turn_latencies(held.call.caller_spurts, held.call.agent_spurts)
    found = (_measured(turn, recorded, alignment, caller) for turn in turns)
    return [turn for turn in found if turn is not None]


def _measured(
    turn: TurnLatency, recorded: Sequence[dict[str, Any]], alignment: Alignment, caller: RtpStream
) -> MeasuredTurn | None:
    answered_ms = alignment.clock_ms(turn.agent_start_ns)
    same = min(recorded, key=lambda one: abs(first_sent_ms(one) - answered_ms), default=None)
    buffering = alignment.buffering_ms(caller, turn.caller_end_ns)
    if same is None or buffering is None or abs(first_sent_ms(same) - answered_ms) > _APART_MS:
        return None
    ended_ms = alignment.clock_ms(turn.caller_end_ns) + buffering
    return MeasuredTurn(turn.ms, buffering, same["speech_end_ms"] - ended_ms, same)


def first_sent_ms(recorded: dict[str, Any]) -> float:
    """Call clock at which the first frame of a recorded turn left."""
    return float(recorded["speech_end_ms"] + recorded["total"] - recorded["jitter_buffer"])
