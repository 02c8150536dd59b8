"""OpenAI's transcription sessions, by its SDK's realtime client.

Wire format: "Realtime transcription" guide and the event types of openai.types.realtime. GET
/realtime?intent=transcription as a WebSocket; `session.update` chooses model and format; audio is appended in base64
(8000 Hz µ-law) and committed by us, for turn detection is ours. Text of committed audio comes in deltas, then whole.
"""

from __future__ import annotations

import audioop
import base64
import math
from collections.abc import AsyncGenerator
from typing import Any, cast

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import (
    AudioTranscriptionParam,
    ConversationItemInputAudioTranscriptionCompletedEvent,
    ConversationItemInputAudioTranscriptionDeltaEvent,
    ConversationItemInputAudioTranscriptionFailedEvent,
    InputAudioBufferClearedEvent,
    InputAudioBufferCommittedEvent,
    RealtimeErrorEvent,
    SessionUpdatedEvent,
)
from openai.types.realtime.conversation_item_input_audio_transcription_completed_event import (
    UsageTranscriptTextUsageTokens,
)
from openai.types.realtime.realtime_transcription_session_create_request_param import (
    RealtimeTranscriptionSessionCreateRequestParam,
)
from openai.types.websocket_connection_options import WebSocketConnectionOptions
from websockets.exceptions import ConnectionClosedOK

from gateway.errors import ProviderError, ProviderUnavailable
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE, samples_to_ms
from gateway.providers.refusals import refusal
from gateway.providers.stt.committed_audio import CommittedAudio
from gateway.providers.stt.connection import Recognised, RecogniserTraits
from gateway.providers.stt.leading_quiet import LeadingQuiet
from gateway.providers.stt.spoken_span import SpokenSpan
from gateway.providers.tls import checked
from gateway.providers.usage import Usage
from gateway.providers.web_socket import CLOSE_SECONDS, socket_errors

_SHORTEST_BYTES = SAMPLE_RATE // 10
"""µ-law: less than 100 ms is not committed by the server."""
_PAUSE_MS = 400
"""What was said before such a pause is text of its own: its words are placed in its own time. Nobody asks for it where
audio is sent again after a change of connections."""
_LONGEST_GLANCE_BYTES = 5 * SAMPLE_RATE
_SILENCE = b"\xff"
"""µ-law."""
_STATUS_OF_ERRORS = {
    "authentication_error": 401,
    "invalid_request_error": 400,
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "session_expired": 503,
}


class OpenAiRealtimeRecogniser:
    """Opens transcription sessions of one model."""

    def __init__(self, address: str, key: str, model: str, language: str | None) -> None:
        self._model = model
        self._who = f"The transcriber {model} of openai"
        self._session = _session(model, language)
        self._client = AsyncOpenAI(api_key=key, base_url=address, max_retries=0)

    @property
    def traits(self) -> RecogniserTraits:
        """Sessions last an hour ("Realtime API" guide). They have no idle limit that is documented."""
        return RecogniserTraits("openai", self._model, session_seconds=3600, idle_seconds=60, bills="results")

    async def connect(self) -> OpenAiRealtimeConnection:
        """A session that has taken its settings.

        :raises ProviderError: it is refused, or cannot be reached
        """
        # Not options that the SDK knows of, but it hands all of them on.
        known = {"close_timeout": CLOSE_SECONDS, **checked(str(self._client.base_url))}
        options = cast(WebSocketConnectionOptions, known)
        opening = self._client.realtime.connect(
            extra_query={"intent": "transcription"}, websocket_connection_options=options
        )
        with socket_errors(self._who):
            wire = await opening.enter()
        connection = OpenAiRealtimeConnection(self._who, self._model, wire)
        try:
            await connection.configure(self._session)
        except BaseException:
            await connection.close()
            raise
        return connection


def _session(model: str, language: str | None) -> RealtimeTranscriptionSessionCreateRequestParam:
    transcription: AudioTranscriptionParam = {"model": model}
    if language:
        transcription["language"] = language
    return {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": transcription,
                "turn_detection": None,
            }
        },
        "include": ["item.input_audio_transcription.logprobs"],
    }


class OpenAiRealtimeConnection:
    """A session. Silence between what is said is not sent: it would be billed."""

    def __init__(self, who: str, model: str, wire: AsyncRealtimeConnection) -> None:
        self._who = who
        self._model = model
        self._wire = wire
        self._quiet = LeadingQuiet()
        self._audio = CommittedAudio()
        self._spoken = SpokenSpan()
        self._heard_ms = 0
        self._pending = bytearray()
        """µ-law that is appended, and has no final text asked for."""

    async def configure(self, session: RealtimeTranscriptionSessionCreateRequestParam) -> None:
        """Set the session up, and wait until the server took it.

        :raises ProviderError: the settings are refused
        """
        with socket_errors(self._who):
            await self._wire.session.update(session=session)
        async for event in self._events():
            if isinstance(event, SessionUpdatedEvent):
                return
        raise ProviderUnavailable(f"{self._who} closed the connection before it was ready.")

    async def send(self, pcm: bytes) -> None:
        """Audio: 8000 Hz mono s16le."""
        self._heard_ms += samples_to_ms(len(pcm) // SAMPLE_BYTES)
        self._spoken.push(pcm)
        if audible := self._quiet.push(pcm):
            ulaw = audioop.lin2ulaw(audible, SAMPLE_BYTES)
            self._pending += ulaw
            await self._append(ulaw)
            if self._spoken.pause_ms >= _PAUSE_MS:
                with socket_errors(self._who):
                    await self._commit()

    async def flush(self) -> None:
        """Commit what was said. Where nothing was, the server is asked to empty its buffer: its answer tells that all
        is known."""
        self._audio.ask()
        with socket_errors(self._who):
            if not self._pending:
                await self._wire.input_audio_buffer.clear()
                return
            if (missing := _SHORTEST_BYTES - len(self._pending)) > 0:
                await self._append(_SILENCE * missing)
            if self._spoken.goes_on and len(self._pending) < _LONGEST_GLANCE_BYTES:
                await self._glance()
            else:
                await self._commit()

    async def _commit(self) -> None:
        self._audio.commit(self._spoken, self._heard_ms)
        self._spoken = self._spoken.next()
        self._pending.clear()
        self._quiet.reset()
        await self._wire.input_audio_buffer.commit()

    async def _glance(self) -> None:
        """The caller goes on speaking, and a commit would cut a word in two. So this is only a look at what was said;
        the audio is sent again, for the text of all of it."""
        self._audio.commit(self._spoken.copy(), self._heard_ms, glance=True)
        await self._wire.input_audio_buffer.commit()
        await self._append(bytes(self._pending))

    async def _append(self, ulaw: bytes) -> None:
        with socket_errors(self._who):
            await self._wire.input_audio_buffer.append(audio=base64.b64encode(ulaw).decode())

    async def keep_alive(self) -> None:
        """Not needed: the WebSocket's own pings do."""

    async def __aiter__(self) -> AsyncGenerator[Recognised, None]:
        """Results; partial ones only of audio that was committed.

        :raises ProviderError: the session failed
        """
        async for event in self._events():
            for result in self._results(event):
                yield result

    def _results(self, event: object) -> list[Recognised]:
        match event:
            case InputAudioBufferCommittedEvent():
                self._audio.name(event.item_id)
            case InputAudioBufferClearedEvent() if self._audio.answered():
                return [Recognised("", self._heard_ms, self._heard_ms, True, flushed=True)]
            case ConversationItemInputAudioTranscriptionDeltaEvent():
                partial = self._audio.delta(event.item_id, event.delta or "")
                return [partial] if partial is not None else []
            case ConversationItemInputAudioTranscriptionCompletedEvent():
                return self._audio.completed(event.item_id, self._final(event))
        return []

    def _final(self, event: ConversationItemInputAudioTranscriptionCompletedEvent) -> Recognised:
        likelihoods = [token.logprob for token in event.logprobs or ()]
        return Recognised(
            (event.transcript or "").strip(),
            0,
            0,
            True,
            confidence=math.exp(sum(likelihoods) / len(likelihoods)) if likelihoods else None,
            usage=self._usage(event.usage),
        )

    def _usage(self, billed: object) -> Usage:
        if isinstance(billed, UsageTranscriptTextUsageTokens):
            tokens: dict[str, Any] = {"prompt_tokens": billed.input_tokens, "completion_tokens": billed.output_tokens}
            return Usage("transcriber", "openai", self._model, **tokens)
        return Usage("transcriber", "openai", self._model, seconds=getattr(billed, "seconds", 0.0))

    async def _events(self) -> AsyncGenerator[object, None]:
        while True:
            try:
                with socket_errors(self._who):
                    content = await self._wire.recv_bytes()
            except ProviderError as error:
                if isinstance(error.__cause__, ConnectionClosedOK):
                    return
                raise
            event = self._parsed(content)
            if isinstance(event, RealtimeErrorEvent):
                raise self._failure(event.error.type, event.error.code, event.error.message)
            if isinstance(event, ConversationItemInputAudioTranscriptionFailedEvent):
                raise self._failure(event.error.type, event.error.code, event.error.message)
            yield event

    def _parsed(self, content: bytes) -> object:
        try:
            return self._wire.parse_event(content)
        except ValueError as error:
            raise ProviderUnavailable(f"{self._who} sent what is no JSON object.") from error

    def _failure(self, kind: str | None, code: str | None, message: str | None) -> ProviderError:
        status = _STATUS_OF_ERRORS.get(code or "") or _STATUS_OF_ERRORS.get(kind or "", 500)
        return refusal(self._who, status, f"{message or kind} ({code})" if code else message or kind or "")

    async def close(self) -> None:
        """End the session."""
        await self._wire.close()
