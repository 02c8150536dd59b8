"""The interfaces of transcribers, models, voices and voice activity detectors.

A provider is made once per process from its settings and opened once per call or request. All of them are small async
iterators with capability flags; errors are `ProviderError`s. Audio is 8000 Hz mono s16le (`gateway.media.audio`);
a provider that needs another rate resamples for itself.

A provider may have more than its interface asks for, each looked for by its protocol below: `Warmable`, `Preparable`,
`Closable`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from gateway.providers.usage import Meter, unmetered

# ---------------------------------------------------------------- all of them


def unnoted(event: str, detail: str) -> None:
    """There is no journal outside of calls."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """The call that a provider works for. `call` is the call as servers of the user's see it (Vapi's call object),
    `assistant` its assistant as the caller of the API wrote it; `meter` is told what is billed, `note` what the journal
    of the call should keep: an event's name and what happened."""

    call_id: str = ""
    call: Mapping[str, Any] = field(default_factory=dict)
    assistant: Mapping[str, Any] = field(default_factory=dict)
    meter: Meter = unmetered
    note: Callable[[str, str], None] = unnoted


OUTSIDE_CALL = CallContext()


@runtime_checkable
class Warmable(Protocol):
    """A provider whose first use in a process is slow."""

    async def warm_up(self) -> None:
        """Do once what would make the first caller wait."""
        ...


@runtime_checkable
class Preparable(Protocol):
    """A provider that opens connections before they are needed."""

    async def prepare(self) -> None:
        """A call is about to use it. May fail silently: the use itself tells. Bounded by the caller."""
        ...


@runtime_checkable
class Closable(Protocol):
    """A provider that keeps connections open."""

    async def close(self) -> None:
        """The process ends."""
        ...


# ---------------------------------------------------------------- transcriber


@dataclass(frozen=True, slots=True)
class TranscriberCapabilities:
    """`partials`: sends text while the caller speaks. `endpoints`: finds ends of turns by itself.
    `streaming`: takes audio as it comes; otherwise a segment is transcribed when `finish` asks for it."""

    partials: bool
    endpoints: bool
    streaming: bool


@dataclass(frozen=True, slots=True)
class TranscriptHint:
    """What the conversation knows of the answer that it waits for: a recogniser may use another model for it.

    `expects`: "anything", "digits" (a number is asked for), "yes-no", "name" or "overlap" (few words over the
    agent's, likely to be "okay" or "stop"). `phrases` are likely words.
    """

    expects: str = "anything"
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """Text of caller speech between two moments of the call clock (ms). `final` text never changes afterwards.
    `segment` is the id given to `finish`, None for a partial that nobody asked for. `confidence` is 0…1 or None.
    `superseded`: a `finish` of a longer span came before this one was looked at, so its (empty) text says nothing.
    `finished` is the probability (0…1) that the caller has finished, by the transcriber's own account, or None. When
    that changes after the final text of a segment, a transcript with the same id tells it that is not `final`.
    `stability` of a partial is the probability (0…1) that it will not change, where the transcriber tells, or None."""

    text: str
    start_ms: int
    end_ms: int
    final: bool
    segment: int | None = None
    confidence: float | None = None
    superseded: bool = False
    finished: float | None = None
    stability: float | None = None


class TranscriberStream(Protocol):
    """One call's transcription. Iterate it for transcripts; it ends after `close`."""

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Caller audio that starts at `at_ms` of the call clock. Never blocks."""

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        """Ask for the final text of [start_ms, end_ms]. Exactly one final transcript with this segment id follows,
        with empty text when nothing was said. May be asked again for a longer span under a new id."""

    def __aiter__(self) -> AsyncIterator[Transcript]: ...

    async def close(self) -> None: ...


class Transcriber(Protocol):
    @property
    def capabilities(self) -> TranscriberCapabilities: ...

    async def open(self, context: CallContext = OUTSIDE_CALL) -> TranscriberStream:
        """One call's transcription.

        :raises ProviderError: it cannot be opened
        """
        ...


# ---------------------------------------------------------------- language model


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool run. `arguments` is the parsed JSON object."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """`role`: system, user, assistant or tool. Assistant messages may carry tool calls, a tool message answers one."""

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A function as the model sees it; `parameters` is a JSON schema. `repeatable`: who offers it says that a second
    call with the same arguments changes nothing more, which is no matter of the model's."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """The messages are always the whole truth; the context lets a stateful server tell calls apart.

    `said` is not empty when another model broke off: the text of this reply that is on its way to the caller already.
    The reply goes on behind it and repeats nothing of it.
    """

    messages: Sequence[ChatMessage]
    tools: Sequence[ToolDefinition] = ()
    context: CallContext = OUTSIDE_CALL
    said: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the reply's text. An empty one is a sign of life: a model that thinks, or puts a tool call together,
    sends one for each event of its server, because one that sends nothing is given up."""

    text: str


@dataclass(frozen=True, slots=True)
class ReplyEnd:
    """The reply is complete. `expects` tells what answer the model waits for, as in TranscriptHint, when it knows."""

    expects: str = "anything"


@dataclass(frozen=True, slots=True)
class SpokenDelta:
    """A piece of a reply that the model speaks by itself: no voice is needed for it.

    :param item: what it belongs to, by the model's own name; pieces of one item come one after the other
    :param text: whole words, said behind those told so far; told together with their audio, as far as that is known
    :param pcm: audio behind that told so far
    :param final: the item is complete
    """

    item: str
    text: str = ""
    pcm: bytes = b""
    final: bool = False


ReplyPart = TextDelta | SpokenDelta | ToolCall | ReplyEnd


class LanguageModel(Protocol):
    def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        """Stream a reply; closing the iterator cancels the request."""
        ...


@runtime_checkable
class FollowsPlayout(Protocol):
    """A model that speaks by itself, and keeps what the caller heard of it."""

    def played(self, item: str, samples: int, context: CallContext) -> None:
        """By now, `samples` (8000 Hz) of the item were sent to the caller."""
        ...


# ---------------------------------------------------------------- voice


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """Word with its samples (8000 Hz) from the start of the text's audio."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class VoiceChunk:
    """Consecutive audio of the text, and the words that begin in it, when the voice knows them."""

    pcm: bytes
    words: tuple[SpokenWord, ...] = ()


@dataclass(frozen=True, slots=True)
class VoiceCapabilities:
    """`word_times`: chunks carry measured words. Otherwise they are estimated from the audio's length."""

    word_times: bool


class Voice(Protocol):
    @property
    def capabilities(self) -> VoiceCapabilities: ...

    def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncIterator[VoiceChunk]:
        """Stream the audio of one speakable text; closing the iterator cancels it.

        :raises ProviderError: while iterating; what came before it is good
        """
        ...


# ---------------------------------------------------------------- voice activity


class VoiceActivityDetector(Protocol):
    """Speech probability of a call's audio; keeps state between frames, so one object per call."""

    def push(self, pcm: bytes) -> Sequence[float]:
        """Feed 20 ms frames; returns a probability (0…1) for each analysis window that was completed."""

    @property
    def window_ms(self) -> float:
        """Length of an analysis window."""


# ---------------------------------------------------------------- end of turn


class TurnDetector(Protocol):
    """Judges by sound whether a caller who fell silent has finished. One object serves all calls of a process."""

    async def judge(self, pcm: bytes) -> float:
        """The probability (0…1) that the turn is over.

        :param pcm: the latest caller audio, at most 8 s, ending a moment after the last speech
        :raises ProviderError: it cannot judge
        """
        ...
