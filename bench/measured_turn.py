"""A turn seen twice: on the wire, and in the product's record of it.

The whole, on the wire: capture time of the caller's last loud packet to capture time of the agent's first loud packet.
A packet of the caller carries speech that was over when it was sent, a packet of the agent carries speech that begins
when it is sent, so nothing of the codec's packet time hides in the whole. Of that:

    buffering    the caller's last packet on the wire → its end on the call clock: jitter buffer, decoder, concealment
                 (the record's own jitter_buffer knows whole packets, and no concealment)
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
from tests.peers.talk import turn_latencies

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
    ends = ((turn.caller_end_ns, turn.agent_start_ns) for turn in turns)
    found = (measured_turn(ended_ns, answered_ns, recorded, alignment, caller) for ended_ns, answered_ns in ends)
    return [turn for turn in found if turn is not None]


def measured_turn(
    ended_ns: int, answered_ns: int, recorded: Sequence[dict[str, Any]], alignment: Alignment, caller: RtpStream
) -> MeasuredTurn | None:
    """The turn between the captures of the caller's last packet and the agent's first, None without a record of it."""
    answered_ms = alignment.clock_ms(answered_ns)
    same = min(recorded, key=lambda one: abs(first_sent_ms(one) - answered_ms), default=None)
    buffering = alignment.buffering_ms(caller, ended_ns)
    if same is None or buffering is None or abs(first_sent_ms(same) - answered_ms) > _APART_MS:
        return None
    ended_ms = alignment.clock_ms(ended_ns) + buffering
    wire = (answered_ns - ended_ns) / 1e6
    return MeasuredTurn(wire, buffering, same["speech_end_ms"] - ended_ms, same)


def first_sent_ms(recorded: dict[str, Any]) -> float:
    """Call clock at which the first sound of a recorded turn left: its whole begins before that clock, on the wire."""
    return float(recorded["speech_end_ms"] + recorded["total"] - recorded["jitter_buffer"])
