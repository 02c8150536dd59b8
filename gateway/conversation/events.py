"""What can happen to a conversation. Every event carries `at`, the call clock in ms when the worker learnt of it.

Events are frozen values, not meant for subclassing: `TurnMachine` chooses its rule by their exact class, and
`gateway.conversation.replay` writes and reads them as lines of JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PlayoutState(StrEnum):
    """Where an utterance is, as the gateway's RTP sender sees it."""

    PLAYING = "playing"
    PAUSED = "paused"
    FINISHED = "finished"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class WordSpan:
    """A word of an utterance with its samples (8000 Hz) from the utterance's start."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AdoptedUtterance:
    """An utterance of an earlier worker, as far as it is with the gateway: `text` and `words` are those that are there,
    `samples` is where it will end, `position` how much of it was sent by now."""

    utterance: int
    text: str
    samples: int
    position: int
    interruptible: bool = True
    filler: bool = False
    words: tuple[WordSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """Something that live control or a hook wants said, and that waits for the floor."""

    text: str
    end_call_after: bool = False
    interruptible: bool = True


# ---------------------------------------------------------------- the call


@dataclass(frozen=True, slots=True)
class Started:
    """The conversation opens. A resumed one continues after an earlier worker: `turn` is the last turn so far,
    `answer` the caller's text that nobody answered yet, `said` what the agent said last, `filler` the last filler, in
    the reply to `filler_turn`. `takes_over`: the assistant got the conversation from another one and begins now.
    `opens`: nobody has said anything in it yet.

    `adopted` is what the agent was saying, as far as the gateway has it, `rest` what is to be said behind that, in a
    speech of this `kind`; `unfinished`: the model is to be asked for the rest. With `ending` the call ends after it.

    `keys` were pressed and `says` asked for, and nothing was made of them yet. Nobody has spoken since `silent_ms`, but
    for what was said or done `reprompts` times because of that, the last time until `reprompted_ms`."""

    at: int
    resumed: bool = False
    turn: int = 0
    answer: str = ""
    rest: str = ""
    said: str = ""
    filler: str = ""
    filler_turn: int = 0
    takes_over: bool = False
    opens: bool = False
    adopted: tuple[AdoptedUtterance, ...] = ()
    unfinished: bool = False
    kind: str = "continuation"
    ending: str = ""
    keys: str = ""
    says: tuple[Pending, ...] = ()
    silent_ms: int = 0
    reprompts: int = 0
    reprompted_ms: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """Media flows from here on."""

    at: int


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """The far end put the call on hold or took it back."""

    at: int
    held: bool


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over."""

    at: int


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The clock reached `at`: sent by the shell when `TurnMachine.deadline` has come."""

    at: int


# ---------------------------------------------------------------- the caller


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak at `onset_ms`."""

    at: int
    onset_ms: int


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """The caller's voice fell silent at `end_ms`: perhaps the end of the speech, perhaps only a gap between two words.
    `SpeechEnded` follows when it was the end, nothing when it was a gap."""

    at: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The caller fell silent: `end_ms` is the end of the last frame with speech."""

    at: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Transcribed:
    """The final text of a segment that was asked for by `Transcribe`; empty when nothing was said. `finished` is the
    transcriber's probability that the caller has finished, None when it does not tell."""

    at: int
    segment: int
    text: str
    finished: float | None = None


@dataclass(frozen=True, slots=True)
class PartialHeard:
    """Text of running speech from a transcriber that sends partials. The audio up to `end_ms` is in it, None for all
    so far. `stability` is the probability that the text stays as it is, None when the transcriber does not tell."""

    at: int
    text: str
    end_ms: int | None = None
    stability: float | None = None


@dataclass(frozen=True, slots=True)
class TurnEndJudged:
    """How the caller's speech that ended at `end_ms` sounded: `probability` (0 to 1) that the turn is over. With a
    `segment` it is the transcriber's judgement of that one, in place of its last."""

    at: int
    end_ms: int
    probability: float
    segment: int | None = None


@dataclass(frozen=True, slots=True)
class EndpointingAnswered:
    """The user's server answered `AskEndpointing`: wait this long after the caller's last speech. None when it failed,
    was late, or answered nonsense."""

    at: int
    question: int
    wait_ms: int | None = None


@dataclass(frozen=True, slots=True)
class BeepHeard:
    """A beep such as an answering machine's ended at `end_ms`."""

    at: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class SpeechMeasured:
    """How the caller's speech since `onset_ms` sounds so far, told while the agent has the floor: its loudness in dB
    over this caller's usual one, None while that is not known, and the share (0 to 1) of its frames with pitch."""

    at: int
    onset_ms: int
    over_usual_db: float | None
    voiced: float


@dataclass(frozen=True, slots=True)
class EchoHeard:
    """What was taken for speech is the agent's own voice, which the line returns `loss_db` weaker."""

    at: int
    loss_db: float


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A DTMF digit."""

    at: int
    digit: str


# ---------------------------------------------------------------- the agent


@dataclass(frozen=True, slots=True)
class UtteranceQueued:
    """A clause of a committed reply went to the gateway under this utterance id. A `filler` is no part of what the
    model answers."""

    at: int
    reply: int
    utterance: int
    text: str
    interruptible: bool = True
    filler: bool = False


@dataclass(frozen=True, slots=True)
class UtteranceVoiced:
    """The voice made `samples` of an utterance so far; `final` when that is all. `words` are those that were measured
    in the new part, empty when the voice measures none. `text` are words behind those that were queued: a model that
    speaks by itself tells its text as it speaks."""

    at: int
    utterance: int
    samples: int
    final: bool
    words: tuple[WordSpan, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """A reply is complete: every clause of it has been queued. `expects` is the kind of answer that it asks for."""

    at: int
    reply: int
    expects: str = "anything"


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """A provider failed while a reply was made. `audible` tells if the voice still works."""

    at: int
    reply: int
    reason: str
    detail: str
    audible: bool = True


@dataclass(frozen=True, slots=True)
class TranscriberFailed:
    """The transcriber failed: no speech can be understood any more."""

    at: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool of a committed reply runs; it ends within `timeout_ms`. `covered`: the wait for it has its own words."""

    at: int
    reply: int
    tool: str
    timeout_ms: int
    covered: bool = False


@dataclass(frozen=True, slots=True)
class ToolEnded:
    """A tool has its result."""

    at: int
    reply: int
    tool: str


@dataclass(frozen=True, slots=True)
class EndRequested:
    """The reply ends the call: by the endCall tool, or because it holds an end-of-call phrase, which is a `farewell`.
    `words` tells if the reply says something of its own."""

    at: int
    reply: int
    reason: str
    farewell: bool = False
    words: bool = False


@dataclass(frozen=True, slots=True)
class HandoffRequested:
    """Another assistant is to take the conversation over, when what is being said is over. `message` is said before."""

    at: int
    message: str = ""


# ---------------------------------------------------------------- the gateway


@dataclass(frozen=True, slots=True)
class PlayoutReported:
    """`position` samples of an utterance have left in RTP."""

    at: int
    utterance: int
    position: int
    state: PlayoutState


@dataclass(frozen=True, slots=True)
class PauseNoticed:
    """The gateway's fast VAD heard the caller at `onset_ms` and paused `utterance` at `position` samples. It cuts by
    itself after `decide_by_ms`."""

    at: int
    pause: int
    onset_ms: int
    utterance: int
    position: int
    decide_by_ms: int


@dataclass(frozen=True, slots=True)
class SayRequested:
    """Live control wants this said. `at_once`: in the place of what is being said."""

    at: int
    text: str
    end_call_after: bool = False
    interruptible: bool = True
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class AnswerRequested:
    """The conversation has a message that nobody spoke, and the model is to answer it."""

    at: int


@dataclass(frozen=True, slots=True)
class MuteChanged:
    """Live control mutes the agent, or lets it speak again."""

    at: int
    muted: bool


@dataclass(frozen=True, slots=True)
class ListeningChanged:
    """The recording is paused for what is confidential, so that nothing is heard of the caller; or it goes on."""

    at: int
    listening: bool


Event = (
    Started
    | Answered
    | HoldChanged
    | CallEnded
    | TimePassed
    | SpeechStarted
    | SpeechPaused
    | SpeechEnded
    | Transcribed
    | PartialHeard
    | TurnEndJudged
    | EndpointingAnswered
    | BeepHeard
    | SpeechMeasured
    | EchoHeard
    | KeyPressed
    | UtteranceQueued
    | UtteranceVoiced
    | ReplyFinished
    | ReplyFailed
    | TranscriberFailed
    | ToolStarted
    | ToolEnded
    | EndRequested
    | HandoffRequested
    | PlayoutReported
    | PauseNoticed
    | SayRequested
    | AnswerRequested
    | MuteChanged
    | ListeningChanged
)
