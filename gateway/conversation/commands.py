"""What `TurnMachine` wants done. The shell carries commands out in order; times are ms of the call clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SpeechKind(StrEnum):
    """Why the agent speaks: an answer of the model, or a fixed text. A cover fills the wait for the caller's words."""

    REPLY = "reply"
    GREETING = "greeting"
    REPROMPT = "reprompt"
    FAREWELL = "farewell"
    APOLOGY = "apology"
    SAY = "say"
    HANDOFF = "handoff"
    CONTINUATION = "continuation"
    VOICEMAIL = "voicemail"
    COVER = "cover"


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Ask for the final text of [start_ms, end_ms]; `Transcribed` with this segment id answers."""

    segment: int
    start_ms: int
    end_ms: int
    expects: str = "anything"


@dataclass(frozen=True, slots=True)
class AskEndpointing:
    """Ask the user's server how long to wait after `text`, spoken in [start_ms, end_ms]. `EndpointingAnswered` with
    this number follows, unless a newer question makes this one void."""

    question: int
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class CommitTurn:
    """The caller's turn is a fact, to be journalled. `end_ms` is the last speech, `due_ms` when the endpointing rule
    alone would have taken the turn, `transcript_ms` when the last transcript of it came."""

    turn: int
    text: str
    start_ms: int
    end_ms: int
    due_ms: int
    transcript_ms: int
    source: str = "speech"


@dataclass(frozen=True, slots=True)
class PrepareReply:
    """Let the model answer `text` (said after all committed turns) and the voice speak it, into a buffer. Nothing with
    a side effect may run before `CommitReply`. An empty text answers the conversation as it stands. What an earlier
    worker `said` of the reply is not said again."""

    reply: int
    turn: int
    text: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class PrepareSpeech:
    """Voice a fixed text into a buffer. An earlier worker `said` what comes before it in the reply."""

    reply: int
    turn: int
    text: str
    kind: SpeechKind
    interruptible: bool = True
    said: str = ""


@dataclass(frozen=True, slots=True)
class CommitReply:
    """Send what is prepared of the reply, and the rest as it comes; its tools may run."""

    reply: int


@dataclass(frozen=True, slots=True)
class Speak:
    """Say a fixed text inside a reply that is being made: a farewell at its end, or a `filler` while nothing else of it
    is ready."""

    reply: int
    text: str
    interruptible: bool = True
    filler: bool = False


@dataclass(frozen=True, slots=True)
class StopReply:
    """Stop model and voice of the reply and drop what was not sent. A tool that runs is left to end."""

    reply: int


@dataclass(frozen=True, slots=True)
class CloseReply:
    """The reply is over: `text` was sent, `heard` of it reached the caller. To be journalled."""

    reply: int
    turn: int
    kind: SpeechKind
    text: str
    heard: str
    interrupted: bool


@dataclass(frozen=True, slots=True)
class CutUtterances:
    """End every utterance up to this id. `reason`: interruption, keypad, hold, stalled, overtaken, stopped, control."""

    up_to: int
    reason: str


@dataclass(frozen=True, slots=True)
class GiveVerdict:
    """The one decision on a pause. `resume_from` is a word border in samples, when not `cut`."""

    pause: int
    cut: bool
    reason: str
    resume_from: int = 0


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call with Vapi's endedReason."""

    reason: str
    after_playout: bool


@dataclass(frozen=True, slots=True)
class HandOff:
    """This conversation is over, and the next assistant begins. Its ears need the caller's audio since `unheard_ms`:
    what is said there is no part of any turn yet."""

    unheard_ms: int


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the record of the call should tell."""

    event: str
    detail: str


@dataclass(frozen=True, slots=True)
class CarryOutHook:
    """The assistant's hook of this number is due: the caller says nothing."""

    hook: int


@dataclass(frozen=True, slots=True)
class Screen:
    """How to listen while it is not sure who answered: tell of `beeps` by `BeepHeard`, and only of the speech of who is
    nearest (`foreground`)."""

    beeps: bool
    foreground: bool


@dataclass(frozen=True, slots=True)
class Fail:
    """The conversation cannot go on, and the caller was not told: that is left to the gateway."""

    reason: str
    detail: str


ReplyCommand = CommitTurn | PrepareReply | PrepareSpeech | CommitReply | Speak | StopReply | CloseReply
"""What concerns replies and the facts of the conversation."""

Command = (
    Transcribe
    | AskEndpointing
    | CommitTurn
    | PrepareReply
    | PrepareSpeech
    | CommitReply
    | Speak
    | StopReply
    | CloseReply
    | CutUtterances
    | GiveVerdict
    | HangUp
    | HandOff
    | Note
    | CarryOutHook
    | Screen
    | Fail
)
