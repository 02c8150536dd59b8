"""How long a state may last, and what counts as progress in it: the table behind "never stuck".

FAIR is what a caller may meet when everything works; ROUGH is what holds while parties fail. All in ms.

    opening      until the answer
    waiting      since anybody made a sound: then somebody is asked for, or the call ends; not on hold
    listening    since the caller's last sound; and for any time, while there are words
    endpointing  since the caller's last sound or key, or a phrase; a user's server may want 2.5 s
    thinking     since the agent's last sound, or the turn was taken, or a tool began or ended; not on hold
    speaking     since the agent's last sound; not on hold
    overlap      since it began
    screening    since the caller's last sound
    voicemail    since the agent's last sound
    ending       since it began
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.conversation.floor import ENDING_MS, OPENING_MS, VOICE_MS
from gateway.conversation.overlap import DECIDE_MS
from gateway.conversation.states import State
from gateway.conversation.voicemail import SILENT_MS, VoicemailPlan

SLACK_MS = 500
"""Detectors, the link, and timers that come late."""


SLOW_VOICE_MS = 1_200
"""What a rough voice takes for its first sound."""
SILENT_TURN_MS = 2_500
"""What a caller who waits for an answer may hear of it at the latest: the answer, or that it takes time."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """`talk_over_ms`: of a caller's statement, until the agent is silent. `answer_ms`: from a taken turn to the agent's
    voice, unless somebody speaks or a tool begins or ends. `late_words_ms`: from the last sound to a phrase while
    words are with the transcriber. `words_off`: the words heard against those really sent."""

    states: Mapping[State, int]
    talk_over_ms: int
    answer_ms: int
    late_words_ms: int
    words_off: int


FAIR = Bounds(
    states={
        State.OPENING: OPENING_MS,
        State.WAITING: 30_000 + SLACK_MS,
        State.LISTENING: SLACK_MS,
        State.ENDPOINTING: 2_500 + SLACK_MS,
        State.THINKING: SILENT_TURN_MS,
        State.SPEAKING: 1_500,
        State.OVERLAP: DECIDE_MS + SLACK_MS,
        State.ENDING: ENDING_MS,
        State.SCREENING: SILENT_MS + SLACK_MS,
        State.VOICEMAIL: VoicemailPlan().beep_ms + SLACK_MS,
    },
    talk_over_ms=1_100,
    answer_ms=SILENT_TURN_MS,
    late_words_ms=SILENT_TURN_MS,
    words_off=1,
)
ROUGH = Bounds(
    states={
        State.OPENING: OPENING_MS,
        State.WAITING: 30_000 + SLACK_MS,
        State.LISTENING: 2 * SLACK_MS,
        State.ENDPOINTING: SILENT_TURN_MS + SLOW_VOICE_MS,
        State.THINKING: SILENT_TURN_MS + SLOW_VOICE_MS,
        State.SPEAKING: VOICE_MS + SLACK_MS,
        State.OVERLAP: DECIDE_MS + 2 * SLACK_MS,
        State.ENDING: ENDING_MS + SLACK_MS,
        State.SCREENING: SILENT_MS + 2 * SLACK_MS,
        State.VOICEMAIL: VoicemailPlan().beep_ms + SLACK_MS,
    },
    talk_over_ms=1_600,
    answer_ms=60_000,
    late_words_ms=SILENT_TURN_MS + VOICE_MS + SLACK_MS,  # the voice may hang, too
    words_off=3,
)
