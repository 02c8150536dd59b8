"""Whose turn it is: the states of a conversation, what may happen in each, and what may follow.

The rules
=========
1.  An event enters by `handle` and commands come out. What an event does depends on the state alone: `RULES` names the
    method for each pair, `ALWAYS` those that hold in any state. A pair that is in neither table changes nothing.
2.  `NEXT` names the states that may follow a state. `TIMERS` names the moments that a state may wait for; a timer that
    the next state does not list is disarmed on the way. Every state but CLOSED has an armed timer, so none is for ever.
3.  There is at most one reply. It is prepared while the caller's turn is still open (a speculation), and it is stopped
    when the turn's text changes. Only `CommitReply` lets it be heard or run a tool, and it follows `CommitTurn`.
4.  A turn is taken when the caller was silent for the wait that the assistant's plans (`endpointing_rules`) or else the
    policy (`endpointing`) give, counted from the last speech, and every transcript has come. An answer of the user's
    server is waited for, not for long (`endpointing_request`). A turn without text is dropped.
5.  A reply that nobody heard yet is taken back when the caller goes on speaking: what the caller adds is a turn of its
    own, and the model sees both.
6.  Caller speech over the agent opens an overlap (`overlap`), with the gateway's pause or without. Every pause gets one
    verdict. A cut closes the reply with what was heard of it. Speech that goes on after a decision for the agent is
    judged again.
7.  Speech and keys over an uninterruptible passage are kept, and are the caller's turn when the passage is over.
8.  A yes over the end of a question is an answer, although it is an acknowledgement in the middle of a sentence.
9.  What ends the call (a farewell, an apology, live control) is said to its end, then the call is ended, once.
10. On hold nobody listens: speech is dropped, and silence does not count.
11. An outbound call may begin with SCREENING: nothing is said until it is known who answered (`voicemail`). What is
    heard in the turns after that can still show a machine. VOICEMAIL waits for its beep, then the message is said to
    its end and the call is ended.
12. A reply that broke off although nobody took the floor goes on (`continuing`): a noise cut it, or the gateway did. So
    every turn that was taken is answered.
13. A handoff to another assistant waits for what is being said, and for nothing else: who interrupts that is heard by
    the next assistant. The conversation is then CLOSED here and begins there, with the speech that is no turn yet.
14. A muted agent listens and takes turns, and says nothing; the silence of a call in which it is muted never ends it.
15. Who has finished and whose words are still with the transcriber hears a phrase (`late_transcript`), as one whose
    answer takes its time does. It is no answer: no turn is taken by it, and what the caller says over it is heard.

How a state ends when nothing happens:

    opening      nobody answers for OPENING_MS                      the call ends
    waiting      silence                                            the caller is asked, then the call ends
    listening    speech lasts for SEGMENT_MS, and has no words      it is a noise: as if it had ended
    endpointing  a transcript does not come for TRANSCRIPT_MS       the turn is taken with the words there are
    thinking     nothing of the reply comes for REPLY_MS            apology, the call ends
    speaking     audio is there and does not leave for PLAYOUT_MS   it is cut, the caller has the floor
                 audio does not come for VOICE_MS                   the same
    overlap      no decision                                        `overlap` decides at the gateway's deadline
    ending       the gateway does not end the call for ENDING_MS    it is told again; closed
    any          the longest call                                   the call ends

`TurnMachine` is these tables at work. Its methods stand in nine files, each building on the one before: `floor`
(books), `replies` (the agent), `turns` (the caller), `barge_in` (both at once), `kept_speech` (over passages),
`continuing` (after an interruption that was none), `late_transcript` (words that are waited for), `screening` (who
answered), `turn` (the call around them).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from gateway.conversation import events as e


class State(StrEnum):
    OPENING = "opening"
    SCREENING = "screening"
    VOICEMAIL = "voicemail"
    WAITING = "waiting"
    LISTENING = "listening"
    ENDPOINTING = "endpointing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    OVERLAP = "overlap"
    ENDING = "ending"
    CLOSED = "closed"


_FLOOR = frozenset({State.WAITING, State.LISTENING, State.ENDPOINTING, State.THINKING})
LAST = frozenset({State.ENDING, State.CLOSED})
_OUT = LAST | {State.VOICEMAIL}

NEXT: Mapping[State, frozenset[State]] = {
    State.OPENING: frozenset({State.SCREENING, State.WAITING, State.THINKING}) | LAST,
    State.SCREENING: _FLOOR | _OUT,
    State.VOICEMAIL: frozenset({State.THINKING}) | LAST,
    State.WAITING: frozenset({State.LISTENING, State.ENDPOINTING, State.THINKING}) | _OUT,
    State.LISTENING: _FLOOR | _OUT,
    State.ENDPOINTING: _FLOOR | _OUT,
    State.THINKING: _FLOOR | {State.SPEAKING, State.OVERLAP} | _OUT,
    State.SPEAKING: _FLOOR | {State.OVERLAP} | _OUT,
    State.OVERLAP: _FLOOR | {State.SPEAKING} | _OUT,
    State.ENDING: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}

TIMERS: Mapping[State, frozenset[str]] = {
    State.OPENING: frozenset({"opening"}),
    State.SCREENING: frozenset({"call", "screening", "transcribe"}),
    State.VOICEMAIL: frozenset({"call", "beep"}),
    State.WAITING: frozenset({"call", "silence"}),
    State.LISTENING: frozenset({"call", "segment"}),
    State.ENDPOINTING: frozenset({"call", "transcribe", "commit", "cover", "transcript"}),
    State.THINKING: frozenset({"call", "reply", "filler", "reopen"}),
    State.SPEAKING: frozenset({"call", "playout", "overrun"}),
    State.OVERLAP: frozenset({"call", "overlap", "look"}),
    State.ENDING: frozenset({"ending"}),
    State.CLOSED: frozenset(),
}

RULES: Mapping[State, Mapping[type[e.Event], str]] = {
    State.OPENING: {e.Started: "_start", e.Answered: "_answered"},
    State.SCREENING: {
        e.SpeechStarted: "_screened_speech",
        e.SpeechEnded: "_screened_pause",
        e.Transcribed: "_screened",
        e.BeepHeard: "_screened",
        e.KeyPressed: "_screened_key",
    },
    State.VOICEMAIL: {e.SpeechStarted: "_greeting_goes_on", e.SpeechEnded: "_greeting_pauses"},
    State.WAITING: {e.SpeechStarted: "_caller_starts", e.KeyPressed: "_key", e.SayRequested: "_say"},
    State.LISTENING: {
        e.SpeechStarted: "_caller_starts",
        e.SpeechPaused: "_caller_may_pause",
        e.SpeechEnded: "_caller_pauses",
        e.EchoHeard: "_echo_in_turn",
        e.Transcribed: "_text",
        e.KeyPressed: "_key",
    },
    State.ENDPOINTING: {
        e.SpeechStarted: "_caller_starts",
        e.SpeechEnded: "_caller_pauses",
        e.Transcribed: "_text",
        e.KeyPressed: "_key",
    },
    State.THINKING: {
        e.SpeechStarted: "_caller_starts_early",
        e.SpeechEnded: "_caller_was_short",
        e.Transcribed: "_text_over_agent",
        e.EchoHeard: "_echo_before_agent",
        e.UtteranceQueued: "_speak",
        e.KeyPressed: "_key_cuts",
    },
    State.SPEAKING: {
        e.SpeechStarted: "_caller_overlaps",
        e.SpeechEnded: "_caller_overlapped",
        e.SpeechMeasured: "_measured_over_agent",
        e.EchoHeard: "_echo_over_agent",
        e.Transcribed: "_text_over_agent",
        e.UtteranceQueued: "_speak",
        e.PauseNoticed: "_pause",
        e.KeyPressed: "_key_cuts",
    },
    State.OVERLAP: {
        e.SpeechStarted: "_caller_overlaps",
        e.SpeechEnded: "_caller_overlapped",
        e.SpeechMeasured: "_measured_in_overlap",
        e.EchoHeard: "_echo_in_overlap",
        e.Transcribed: "_text_in_overlap",
        e.PartialHeard: "_partial_in_overlap",
        e.PauseNoticed: "_pause",
        e.KeyPressed: "_key_cuts",
    },
    State.ENDING: {},
    State.CLOSED: {},
}

ALWAYS: Mapping[type[e.Event], str] = {
    e.CallEnded: "_close",
    e.BeepHeard: "_beep",
    e.HoldChanged: "_hold",
    e.SayRequested: "_say_later",
    e.AnswerRequested: "_answer_message",
    e.MuteChanged: "_mute",
    e.ListeningChanged: "_listen",
    e.UtteranceQueued: "_queue",
    e.UtteranceVoiced: "_voiced",
    e.PlayoutReported: "_played",
    e.ReplyFinished: "_reply_finished",
    e.ReplyFailed: "_reply_failed",
    e.TranscriberFailed: "_transcriber_failed",
    e.TurnEndJudged: "_turn_end_judged",
    e.EndpointingAnswered: "_endpointing_answered",
    e.ToolStarted: "_tool_started",
    e.ToolEnded: "_tool_ended",
    e.EndRequested: "_end_requested",
    e.HandoffRequested: "_leave",
    e.PauseNoticed: "_stray_pause",
}
