"""One call's session: the caller's audio goes in, transcripts and spoken answers come out.

We take the turns (`turn_detection` is off): a segment of speech is committed when the turn machine asks for its text,
and a response is created when a reply is prepared. It is cancelled when the caller goes on.
"""

from __future__ import annotations

import asyncio
import audioop
import base64
import itertools
import json
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.media.audio import SAMPLE_BYTES
from gateway.providers.base import CallContext, ChatRequest, ReplyEnd, ReplyPart, SpokenDelta, ToolCall, Transcript
from gateway.providers.health import Circuit
from gateway.providers.llm.continuation import asked_to_go_on
from gateway.providers.realtime import bill
from gateway.providers.realtime.connection import Connection, ServerEvent
from gateway.providers.realtime.errors import response_error
from gateway.providers.realtime.history import ClientEvent, History, Item
from gateway.providers.realtime.input_audio import Append, Clear, InputAudio, Step
from gateway.providers.realtime.pace import Pace
from gateway.providers.realtime.plan import SessionPlan
from gateway.providers.realtime.response import Response
from gateway.providers.realtime.segments import Segment, Segments
from gateway.providers.realtime.upkeep import Upkeep

_PART_SECONDS = 3.0
"""Bound for each piece of a response that was begun."""
_THOUGHT_SECONDS = 10.0
"""Bound for the first piece of a model that thinks before it speaks."""
_DONE_SECONDS = 1.0
"""A response that was cancelled ends within this time."""
_ATTEMPTS = 2

Value = TypeVar("Value")

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Said:
    """What of a reply is on its way to the caller, should the session be lost in it."""

    text: str = ""
    tools: bool = False

    def add(self, part: ReplyPart) -> None:
        if isinstance(part, SpokenDelta) and part.text:
            self.text = f"{self.text} {part.text}".strip()
        self.tools = self.tools or isinstance(part, ToolCall)


class Session:
    """:param transcripts: of the caller's speech, or what went wrong with them; None when it is closed"""

    def __init__(self, plan: SessionPlan, context: CallContext, circuit: Circuit | None = None) -> None:
        self.transcripts: asyncio.Queue[Transcript | ProviderError | None] = asyncio.Queue()
        self._plan = plan
        self._meter = context.meter
        self._circuit = circuit
        self._upkeep = Upkeep(self, self._connect, seconds=plan.session_seconds, who=plan.who)
        self._audio = InputAudio()
        self._segments = Segments()
        self._history = History()
        self._pace = Pace()
        self._numbers = itertools.count(1)
        self._response: Response | None = None
        self._answering = asyncio.Lock()
        self._gone: ProviderError | None = None
        self._told = ""
        """Instructions and tools that the session has, as they were sent."""

    # ------------------------------------------------------------ life

    async def open(self) -> None:
        """:raises ProviderError: it cannot be opened"""
        if self._circuit is not None and not self._circuit.admits(self._now()):
            raise ProviderUnavailable(f"{self._plan.who} is left alone for a while: {self._circuit.last_error}")
        await self._upkeep.open()

    async def close(self) -> None:
        """End it; the transcripts end, too."""
        await self._upkeep.close()
        if self._response is not None:
            self._response.lost(ProviderUnavailable(f"{self._plan.who} is closed."))
        self.transcripts.put_nowait(None)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _connect(self) -> Connection:
        """A connection whose session is as the plan wants it."""
        begun = self._now()
        try:
            connection = await self._in_session(begun + self._plan.failover.connect_seconds)
        except ProviderError as error:
            if self._circuit is not None:
                self._circuit.failed(self._now(), error)
            raise
        except asyncio.CancelledError:
            if self._circuit is not None:
                self._circuit.abandoned()
            raise
        if self._circuit is not None:
            self._circuit.succeeded((self._now() - begun) * 1000)
        return connection

    async def _in_session(self, deadline: float) -> Connection:
        connection = await self._plan.connect()
        try:
            async with asyncio.timeout_at(deadline):
                await self._configure(connection)
        except TimeoutError:
            await connection.close()
            raise ProviderTimeout(f"{self._plan.who} did not begin a session in time.") from None
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _configure(self, connection: Connection) -> None:
        connection.send({"type": "session.update", "session": self._plan.session})
        async with aclosing(connection.events()) as events:
            async for event in events:
                if event["type"] == "session.updated":
                    return
                if event["type"] == "error":
                    raise response_error(self._plan.who, event.get("error") or {})
        raise ProviderUnavailable(f"{self._plan.who} ended the session before it began.")

    @property
    def busy(self) -> bool:
        """An answer is being made, or a transcript is awaited."""
        response = self._response
        return (response is not None and not response.done.is_set()) or any(self._segments.unanswered)

    def opened(self) -> None:
        """A new session knows nothing: what is still to be transcribed goes up again."""
        for segment in list(self._segments.unanswered):
            self._segments.again(segment)
            self._put(self._audio.commit(segment.start_ms, segment.end_ms))

    def lost(self, error: ProviderError) -> None:
        """What the session knew is lost with it; what was said is told to the next one as text."""
        self._history, self._told = History(), ""
        self._segments.lost()
        self._audio.lost()
        if self._response is not None and not self._response.done.is_set():
            self._response.lost(error)

    def gone(self, error: ProviderError) -> None:
        """No other session can be opened."""
        self._gone = error
        self.transcripts.put_nowait(error)

    # ------------------------------------------------------------ the caller

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Caller audio that starts at `at_ms` of the call clock."""
        self._put(self._audio.push(pcm, at_ms))

    def finish(self, segment: Segment) -> None:
        """Have a segment transcribed, and make it a part of the conversation."""
        if self._gone is not None:  # whoever asks once more is to know, and not to wait for ever
            self.transcripts.put_nowait(self._gone)
            return
        for replaced in self._segments.ask(segment):
            self._send_all(self._history.remove(replaced.item))
            if not replaced.answered:
                self.transcripts.put_nowait(replaced.superseded())
        self._put(self._audio.commit(segment.start_ms, segment.end_ms))

    def _put(self, steps: list[Step]) -> None:
        for step in steps:
            match step:
                case Append(pcm=pcm):
                    encoded = base64.b64encode(audioop.lin2ulaw(pcm, SAMPLE_BYTES)).decode()
                    self._upkeep.send({"type": "input_audio_buffer.append", "audio": encoded})
                case Clear():
                    self._upkeep.send({"type": "input_audio_buffer.clear"})
                case _:
                    self._upkeep.send({"type": "input_audio_buffer.commit", "event_id": "parley_commit"})

    def _committed(self, item_id: str) -> None:
        segment = self._segments.committed(item_id)
        self._history.add(Item(item_id, "user", text=None))
        if segment is not None and segment.replaced:
            self._send_all(self._history.remove(item_id))

    def _transcribed(self, event: ServerEvent) -> None:
        self._meter(bill.of_transcription(self._plan.provider, self._plan.transcriber, event.get("usage") or {}))
        item, segment = self._history.find(event["item_id"]), self._segments.of(event["item_id"])
        if item is not None:
            item.text = event["transcript"]
        if segment is not None:
            segment.text, segment.answered = event["transcript"].strip(), True
            self.transcripts.put_nowait(segment.transcript(final=True))

    def _hear(self, event: ServerEvent) -> None:
        segment = self._segments.of(event["item_id"])
        if segment is not None and event.get("delta"):
            segment.text += event["delta"]
            self.transcripts.put_nowait(segment.transcript(final=False))

    def _not_transcribed(self, segment: Segment | None, error: ProviderError) -> None:
        """Try once more; then it is up to the conversation."""
        if segment is None or segment.answered or segment.replaced:
            return
        segment.failures += 1
        if segment.failures > 1:
            segment.answered = True
            self.transcripts.put_nowait(error)
            return
        logger.warning("not transcribed, asking again", who=self._plan.who, error=str(error))
        self._send_all(self._history.remove(segment.item))
        self._segments.again(segment)
        self._put(self._audio.commit(segment.start_ms, segment.end_ms))

    # ------------------------------------------------------------ the answer

    async def respond(self, request: ChatRequest) -> AsyncGenerator[ReplyPart, None]:
        """The answer to the conversation as the request has it. A session that is lost meanwhile is opened again, and
        the answer goes on behind what was said of it.

        :raises ProviderError: there is none
        """
        said = _Said(request.said)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with aclosing(self._respond(replace(request, said=said.text))) as parts:
                    async for part in parts:
                        said.add(part)
                        yield part
                break
            except ProviderError as error:
                if said.tools:
                    break  # with the tools' results, the next request goes on
                if error.permanent or attempt == _ATTEMPTS:
                    raise
                logger.warning("response failed, asking again", who=self._plan.who, error=str(error))
        yield ReplyEnd()

    async def _respond(self, request: ChatRequest) -> AsyncGenerator[ReplyPart, None]:
        async with self._answering:
            await self._upkeep.ready(2 * self._plan.failover.connect_seconds)
            await self._settled()
            response = self._response = Response(next(self._numbers), self._plan.who, self._history, self._pace)
            self._tell(request)
            self._send_all(self._history.agree(asked_to_go_on(request).messages))
            self._upkeep.send(response.create())
            try:
                await self._in_time(response.created.wait(), self._plan.failover.first_token_seconds)
                seconds = _THOUGHT_SECONDS if self._plan.thinks else _PART_SECONDS
                while (part := await self._in_time(response.parts.get(), seconds)) is not None:
                    if isinstance(part, ProviderError):
                        raise part
                    yield part
                    seconds = _PART_SECONDS
            finally:
                if not response.done.is_set():
                    self._upkeep.send(response.cancel())

    async def _settled(self) -> None:
        """There is one response at a time: one that was cancelled has to end first."""
        if self._response is not None:
            await self._in_time(self._response.done.wait(), _DONE_SECONDS)
            self._response = None

    async def _in_time(self, awaited: Awaitable[Value], seconds: float) -> Value:
        """A session that stands still is given up for another."""
        try:
            async with asyncio.timeout(seconds):
                return await awaited
        except TimeoutError:
            error = ProviderTimeout(f"{self._plan.who} sent nothing for {seconds:g} s.")
            self._upkeep.drop()
            raise error from None

    def _tell(self, request: ChatRequest) -> None:
        """Instructions and tools, when they are not what the session has."""
        session = self._plan.instructed(request)
        if (told := json.dumps(session)) != self._told:
            self._told = told
            self._upkeep.send({"type": "session.update", "session": session})

    def played(self, item_id: str, samples: int) -> None:
        """So much of an item reached the caller."""
        item = self._history.find(item_id)
        if item is not None and item.heard is not None:
            item.heard = max(item.heard, samples)

    # ------------------------------------------------------------ from the server

    def handle(self, event: ServerEvent) -> None:
        """An event of the session. :raises ProviderError: it is not as documented"""
        try:
            self._handle(event)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ProviderUnavailable(f"{self._plan.who} sent {event['type']} in no known form.") from error

    def _handle(self, event: ServerEvent) -> None:
        match event["type"]:
            case "input_audio_buffer.committed":
                self._committed(event["item_id"])
            case "conversation.item.input_audio_transcription.delta":
                self._hear(event)
            case "conversation.item.input_audio_transcription.completed":
                self._transcribed(event)
            case "conversation.item.input_audio_transcription.failed":
                error = response_error(f"The transcription of {self._plan.who}", event.get("error") or {})
                self._not_transcribed(self._segments.of(event["item_id"]), error)
            case "error":
                self._complain(event["error"])
            case kind if kind.startswith("response."):
                self._take(event)

    def _take(self, event: ServerEvent) -> None:
        if event["type"] == "response.done" and (usage := event["response"].get("usage")):
            self._meter(bill.of_response(self._plan.provider, self._plan.model, usage))
        if self._response is not None and self._response.is_meant(event):
            try:
                self._response.take(event)
            except ProviderError as error:
                self._response.fail(error)

    def _complain(self, error: ServerEvent) -> None:
        """Most errors are about one event of ours, and change nothing else."""
        response, complaint = self._response, response_error(self._plan.who, error)
        match error.get("event_id"):
            case "parley_commit":
                self._not_transcribed(self._segments.refused(), complaint)
            case event_id if response is not None and event_id == response.event_id:
                response.lost(complaint)
            case _:
                logger.info("session complains", who=self._plan.who, error=str(complaint), code=error.get("code"))

    def _send_all(self, events: list[ClientEvent]) -> None:
        for event in events:
            self._upkeep.send(event)
