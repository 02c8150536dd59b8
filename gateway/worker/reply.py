"""The making of one reply: model → clauses → voice → utterances, with tools in between."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from gateway.conversation.clauses import USUAL, Cutting, speakable
from gateway.conversation.commands import SpeechKind
from gateway.conversation.context import ToolCalled
from gateway.conversation.events import EndRequested, ReplyFailed, ReplyFinished
from gateway.conversation.passages import Clause, ClauseReader, clauses, marked, plain
from gateway.errors import ProviderError
from gateway.providers.base import (
    CallContext,
    ChatMessage,
    ChatRequest,
    LanguageModel,
    ReplyEnd,
    ReplyPart,
    SpokenDelta,
    TextDelta,
    ToolCall,
    Voice,
    VoiceChunk,
)
from gateway.providers.usage import Stage
from gateway.tools.outcome import ToolOutcome
from gateway.tools.toolbox import Toolbox
from gateway.worker.output import OutputPort, ReplyOutput
from gateway.worker.voicing import Voicing

TOOL_ROUNDS = 6
"""Times that the model may ask for tools in one reply."""

_WORD = re.compile(r"[\w']+")


class Reply:
    """A reply that is being made. Run exactly one of `answer` and `recite`; cancel the task to stop.

    :param reason: endedReason of a call that a provider's failure ends
    :param said: what an earlier worker said of it
    """

    def __init__(
        self,
        output: ReplyOutput,
        *,
        voice: Voice,
        context: CallContext,
        port: OutputPort,
        reason: Callable[[Stage, ProviderError], str],
        cutting: Cutting = USUAL,
        kind: SpeechKind = SpeechKind.REPLY,
        said: str = "",
    ) -> None:
        self.output = output
        self.cutting = cutting
        self.clause_ms: int | None = None
        self._port = port
        self._reason = reason
        self._clauses: asyncio.Queue[Clause | SpokenDelta | asyncio.Event | None] = asyncio.Queue()
        self._marks: list[asyncio.Event] | None = []
        """What waits for the end of something that is being said; None when the reply is over."""
        self._committed = asyncio.Event()
        self._expects = "anything"
        self._voice_failed = False
        self._voicing = Voicing(output, voice, context)
        self._group: asyncio.TaskGroup | None = None
        self._item = ""
        self._kind = kind
        self._text = [said] if said else []
        self._whole = False

    def commit(self) -> None:
        """The reply may be heard and its tools may run."""
        self._committed.set()
        self.output.commit()

    def add(self, clause: Clause) -> None:
        """Say a clause after what was said so far; a clause without a word is none."""
        spoken = speakable(clause.text)
        if not any(map(str.isalnum, spoken)):
            return
        if self.clause_ms is None:
            self.clause_ms = self._port.now()
        self._voicing.expect()
        self._clauses.put_nowait(Clause(spoken, clause.interruptible))
        self._will_say(spoken if clause.interruptible else marked(spoken))

    def pass_on(self, piece: SpokenDelta) -> None:
        """A piece that the model spoke by itself, after what was said so far."""
        if self.clause_ms is None:
            self.clause_ms = self._port.now()
        self._clauses.put_nowait(piece)
        self._will_say(piece.text)

    def say(self, text: str, *, interruptible: bool = True) -> None:
        """Say a whole text after what was said so far."""
        for clause in clauses(text, self.cutting):
            self.add(clause if interruptible else Clause(clause.text, interruptible=False))

    def fill(self, text: str) -> None:
        """Say a filler, unless words of the reply are heard before it."""
        spoken = speakable(plain(text))
        if spoken and self._group is not None:
            self._group.create_task(self._voicing.cover(spoken), name=f"filler of reply {self.output.reply}")

    async def recite(self, text: str, *, interruptible: bool) -> None:
        """Speak a fixed text."""

        async def produce() -> None:
            self.say(text, interruptible=interruptible)

        await self._run(produce())

    async def answer(self, converse: Callable[[Reply], Coroutine[None, None, None]]) -> None:
        """Let `converse` add what is to be said."""
        await self._run(converse(self))

    async def heard(self) -> None:
        """Wait until what was said so far is heard or cut, or the reply is over."""
        if self._marks is None:
            return
        mark = asyncio.Event()
        self._marks.append(mark)
        self._clauses.put_nowait(mark)
        await mark.wait()

    async def committed(self) -> None:
        """Wait until side effects are allowed."""
        await self._committed.wait()

    def expect(self, kind: str) -> None:
        """The kind of answer that the reply asks for."""
        self._expects = kind

    def request_end(self, reason: str, *, farewell: bool) -> None:
        """The call is to end after this reply."""
        words = self.clause_ms is not None
        self.output.when_committed(
            lambda: self._port.dispatch(EndRequested(self._port.now(), self.output.reply, reason, farewell, words))
        )

    def _will_say(self, text: str) -> None:
        """More of the reply's text is known: what belongs to one that was whole makes it another whole one."""
        self._text += [text] if text else []
        if self._whole:
            self._tell_whole()

    def _tell_whole(self) -> None:
        self._whole = True
        if text := " ".join(self._text):
            self.output.when_committed(lambda: self._port.planned(self.output.turn, self._kind.value, text))

    async def _run(self, produce: Coroutine[None, None, None]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                speaking = group.create_task(self._speak(), name=f"voice of reply {self.output.reply}")
                self._group = group
                try:
                    await produce
                    self._tell_whole()
                    self._clauses.put_nowait(None)
                    await speaking
                finally:
                    self._group = None
                    self._release()
        except* ProviderError as failures:
            self._failed(_first(failures))
        else:
            self.output.when_committed(self._finished)

    def _release(self) -> None:
        marks, self._marks = self._marks or [], None
        for mark in marks:
            mark.set()

    def _finished(self) -> None:
        self._port.dispatch(ReplyFinished(self._port.now(), self.output.reply, self._expects))

    def _failed(self, error: ProviderError) -> None:
        self.output.abort()
        stage: Stage = "voice" if self._voice_failed else "model"
        self._port.dispatch(
            ReplyFailed(
                self._port.now(),
                self.output.reply,
                self._reason(stage, error),
                f"The {stage} failed: {error}",
                audible=not self._voice_failed,
            )
        )

    async def _speak(self) -> None:
        """Voice the clauses in their order, each as an utterance; what the model spoke by itself is one, too."""
        while (piece := await self._clauses.get()) is not None:
            if isinstance(piece, SpokenDelta):
                self._voicing.put(partial(self._spoken, piece))
                self._voicing.sounding = not piece.final
            elif isinstance(piece, asyncio.Event):
                self._voicing.put(self._end_item)
                self._voicing.put(partial(self.output.when_heard, piece.set))
            else:
                self._voicing.put(self._end_item)
                await self._voice_clause(piece)
        self._voicing.put(self._end_item)

    async def _voice_clause(self, clause: Clause) -> None:
        try:
            await self._voicing.say(clause)
        except ProviderError:
            self._voice_failed = True
            raise

    def _spoken(self, piece: SpokenDelta) -> None:
        text = piece.text
        if piece.item != self._item:
            self._end_item()
            self._item = piece.item
            self.output.begin(text, item=piece.item)
            text = ""
        if piece.pcm or text:
            self.output.chunk(VoiceChunk(piece.pcm), text=text)
        if piece.final:
            self._end_item()

    def _end_item(self) -> None:
        if self._item:
            self._item = ""
            self.output.end()


class Conversing:
    """Asks the model for a reply, runs the tools that it wants, and asks again with their results.

    :param end_phrases: a reply that holds the words of one, whatever their case and punctuation, ends the call
    :param farewell: what is said after the endCall tool
    :param repeated: tool calls of an earlier worker, of which it is not known what became; they are made first
    :param tell: told each piece that the model gives, with the turn, once the reply is committed
    """

    def __init__(
        self,
        request: ChatRequest,
        *,
        turn: int,
        model: LanguageModel,
        tools: Toolbox,
        end_phrases: Sequence[str],
        farewell: str,
        repeated: Sequence[ToolCalled] = (),
        tell: Callable[[int, str | ToolCall], None] | None = None,
    ) -> None:
        self._repeated = repeated
        self._request = request
        self._messages = list(request.messages)
        self._turn = turn
        self._model = model
        self._tools = tools
        self._end_phrases = [words for phrase in end_phrases if (words := _words(phrase)).strip()]
        self._farewell = farewell
        self._tell = tell
        self._said = " "
        self._ends = False

    async def __call__(self, reply: Reply) -> None:
        if self._repeated and not await self._repeat(reply):
            return
        for _ in range(TOOL_ROUNDS):
            text, calls = await self._ask(reply)
            if not calls:
                return
            await reply.committed()
            turn, number = self._turn, reply.output.reply
            outcomes = await asyncio.gather(*(self._tools.run(call, turn, number, reply) for call in calls))
            self._messages += _told(text, outcomes)
            if not self._goes_on(reply, text, outcomes):
                return
        raise ProviderError(f"The model asked for tools {TOOL_ROUNDS} times in one reply.")

    async def _repeat(self, reply: Reply) -> bool:
        """Make the calls of before once more; whether the model is asked what to say."""
        await reply.committed()
        number = reply.output.reply
        outcomes = await asyncio.gather(*(self._tools.repeat(call, number, reply) for call in self._repeated))
        self._messages += _told("", outcomes)
        return self._goes_on(reply, "", outcomes)

    async def _ask(self, reply: Reply) -> tuple[str, list[ToolCall]]:
        reader, said, calls = ClauseReader(reply.cutting), "", list[ToolCall]()
        request = replace(self._request, messages=tuple(self._messages))
        self._request = replace(self._request, said="")
        async with aclosing(self._model.reply(request)) as parts:  # type: ignore[type-var]
            async for part in parts:
                self._tell_of(reply, part)
                match part:
                    case TextDelta(text=text):
                        said += text
                        self._add(reply, reader.push(text))
                    case SpokenDelta(text=text):
                        said = f"{said} {text}".strip()
                        reply.pass_on(part)
                        self._look_for_the_end(reply, text)
                    case ToolCall():
                        calls.append(part)
                    case ReplyEnd(expects=expects):
                        reply.expect(expects)
        self._add(reply, reader.flush())
        return plain(said), calls

    def _goes_on(self, reply: Reply, text: str, outcomes: Sequence[ToolOutcome]) -> bool:
        """Say what the tools want said, and whether the model is asked what to say."""
        for outcome in outcomes:
            reply.say(outcome.say, interruptible=outcome.interruptible)
        ending = next((outcome for outcome in outcomes if outcome.ended_reason), None)
        if ending is not None:
            said = bool(ending.say) or ending.spoken
            reply.request_end(ending.ended_reason, farewell=said or self._ends_with_farewell(text))
        left = any(outcome.left for outcome in outcomes)
        return ending is None and not left and not all(outcome.say for outcome in outcomes)

    def _ends_with_farewell(self, text: str) -> bool:
        """The model said by itself what would be said for it."""
        farewell = _words(plain(self._farewell))
        return bool(farewell.strip()) and _words(text).endswith(farewell)

    def _tell_of(self, reply: Reply, part: ReplyPart) -> None:
        output = part.text if isinstance(part, TextDelta | SpokenDelta) else part
        if self._tell is not None and output and not isinstance(output, ReplyEnd):
            reply.output.when_committed(partial(self._tell, self._turn, output))

    def _add(self, reply: Reply, clauses: list[Clause]) -> None:
        for clause in clauses:
            reply.add(clause)
            self._look_for_the_end(reply, clause.text)

    def _look_for_the_end(self, reply: Reply, text: str) -> None:
        self._said += _words(text).lstrip()
        if not self._ends and any(phrase in self._said for phrase in self._end_phrases):
            self._ends = True
            reply.request_end("assistant-said-end-call-phrase", farewell=True)


def _told(text: str, outcomes: Sequence[ToolOutcome]) -> list[ChatMessage]:
    """The tools as the model is told of them, and what they hint at."""
    called = ChatMessage("assistant", text, tuple(outcome.call for outcome in outcomes))
    results = [ChatMessage("tool", outcome.result, tool_call_id=outcome.call.id) for outcome in outcomes]
    hints = [ChatMessage("system", outcome.hint) for outcome in outcomes if outcome.hint]
    return [called, *results, *hints]


def _words(text: str) -> str:
    """The words alone, each between spaces."""
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _first(group: BaseExceptionGroup[ProviderError]) -> ProviderError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
