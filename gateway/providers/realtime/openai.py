"""OpenAI's speech-to-speech models: the sessions of all calls, as a transcriber and a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, ClassVar, Literal

import openai

from gateway.errors import ConfigError, ProviderBadRequest, ProviderError
from gateway.providers.base import (
    OUTSIDE_CALL,
    CallContext,
    ChatRequest,
    ReplyPart,
    TranscriberCapabilities,
    Transcript,
    TranscriptHint,
)
from gateway.providers.credentials import Credential
from gateway.providers.health import Circuit
from gateway.providers.llm.options import ModelOptions
from gateway.providers.realtime.plan import SESSION_SECONDS, SessionPlan
from gateway.providers.realtime.segments import Segment
from gateway.providers.realtime.session import Session
from gateway.settings import FailoverSettings

DEFAULT_VOICE = "marin"
VOICES = ("alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse")
_MOST_TOKENS = 4096
"""In one answer; a limit above it is none."""
DEFAULT_TRANSCRIBER = "gpt-4o-mini-transcribe"


class Options(ModelOptions):
    """Of a model, as Vapi has them. A realtime model takes no temperature, and its deadlines are the session's."""

    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    tool_strict_compatibility_mode: str | None = None

    UNUSED: ClassVar[frozenset[str]] = ModelOptions.UNUSED | {
        "temperature",
        "timeout_seconds",
        "prompt_cache_key",
        "prompt_cache_retention",
        "tool_strict_compatibility_mode",
    }

    @property
    def session(self) -> dict[str, Any]:
        """The fields of a session that these are."""
        limit = {"max_output_tokens": min(self.max_tokens, _MOST_TOKENS)} if self.max_tokens else {}
        thinks = self.reasoning_effort not in (None, "none")
        return {**limit, **({"reasoning": {"effort": self.reasoning_effort}} if thinks else {})}


def make(
    options: Options,
    credential: Credential,
    *,
    voice: str = "",
    transcriber: str = "",
    language: str = "",
    failover: FailoverSettings | None = None,
    circuit: Circuit | None = None,
    session_seconds: float = SESSION_SECONDS,
) -> OpenAiRealtime:
    """The model of an assistant, with the voice and the transcriber that it names.

    :raises ConfigError: realtime models do not have this voice
    """
    voice = voice or DEFAULT_VOICE
    if voice not in VOICES and not voice.startswith("voice_"):
        raise ConfigError(f'Realtime models have no voice "{voice}"; write one of {", ".join(VOICES)}.')
    client = openai.AsyncOpenAI(api_key=credential.key, base_url=credential.api_url, max_retries=0)
    plan = SessionPlan(
        client,
        options.model,
        voice,
        transcriber or DEFAULT_TRANSCRIBER,
        language,
        extra=options.session,
        failover=failover or FailoverSettings(),
        session_seconds=session_seconds,
    )
    return OpenAiRealtime(plan, circuit)


class OpenAiRealtime:
    """Transcriber and model of the calls of one assistant. A call's session is opened as its transcriber, and it is the
    model's in requests of the same call."""

    def __init__(self, plan: SessionPlan, circuit: Circuit | None = None) -> None:
        self._plan = plan
        self._circuit = circuit
        self._sessions: dict[str, Session] = {}

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """Text comes once a segment is asked for, and then in pieces."""
        return TranscriberCapabilities(partials=True, endpoints=False, streaming=True)

    async def open(self, context: CallContext = OUTSIDE_CALL) -> RealtimeTranscription:
        """A call's session.

        :raises ProviderError: it cannot be opened
        """
        session = Session(self._plan, context, self._circuit)
        await session.open()
        self._sessions[context.call_id] = session
        return RealtimeTranscription(session, lambda: self._forget(context.call_id, session))

    def _forget(self, call_id: str, session: Session) -> None:
        if self._sessions.get(call_id) is session:
            del self._sessions[call_id]

    async def reply(self, request: ChatRequest) -> AsyncGenerator[ReplyPart, None]:
        """The session's answer.

        :raises ProviderError: it fails
        :raises ProviderBadRequest: the call has no session any more, which says nothing about the provider
        """
        session = self._sessions.get(request.context.call_id)
        if session is None:
            raise ProviderBadRequest(f"{self._plan.who} has no session of this call.")
        async with aclosing(session.respond(request)) as parts:
            async for part in parts:
                yield part

    def played(self, item: str, samples: int, context: CallContext) -> None:
        """So much of what was said reached the caller."""
        if (session := self._sessions.get(context.call_id)) is not None:
            session.played(item, samples)

    async def close(self) -> None:
        """End all sessions."""
        for session in list(self._sessions.values()):
            await session.close()
        await self._plan.client.close()


class RealtimeTranscription:
    """The session of one call, as its transcription. Iterate it for transcripts."""

    def __init__(self, session: Session, forget: Callable[[], None]) -> None:
        self._session = session
        self._forget = forget

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Caller audio that starts at `at_ms` of the call clock."""
        self._session.push(pcm, at_ms)

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        """Ask for the text of [start_ms, end_ms]. The hint is not needed: the session knows what was asked."""
        self._session.finish(Segment(segment, start_ms, end_ms))

    def __aiter__(self) -> RealtimeTranscription:
        return self

    async def __anext__(self) -> Transcript:
        """The next transcript.

        :raises ProviderError: there will be none for a segment, or none at all; the iteration may go on
        """
        result = await self._session.transcripts.get()
        if result is None:
            raise StopAsyncIteration
        if isinstance(result, ProviderError):
            raise result
        return result

    async def close(self) -> None:
        """End the session."""
        self._forget()
        await self._session.close()
