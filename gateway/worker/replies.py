"""The replies of a session: prepared, committed, stopped, and the books of how fast they came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.conversation import commands as c
from gateway.conversation.commands import SpeechKind
from gateway.conversation.context import AgentSaid, CallerSaid, Context, ToolCalled
from gateway.conversation.latency import TurnLatency
from gateway.link.v1 import link_pb2 as pb
from gateway.providers.base import ChatRequest, FollowsPlayout
from gateway.tools.toolbox import Toolbox
from gateway.worker.announcements import Announcements
from gateway.worker.journal import SessionJournal
from gateway.worker.opening import Opening, Resources
from gateway.worker.output import OutputPort, ReplyOutput
from gateway.worker.reply import Conversing, Reply


@dataclass(frozen=True, slots=True)
class ReplyParts:
    """What replies are made of. `spawn` starts a task that the session owns."""

    opening: Opening
    resources: Resources
    context: Context
    tools: Toolbox
    journal: SessionJournal
    port: OutputPort
    spawn: Callable[..., asyncio.Task[None]]
    announcements: Announcements


class Replies:
    """At most one reply at a time.

    :param latency: of a turn that another assistant's session took and did not answer
    """

    def __init__(self, parts: ReplyParts, *, latency: TurnLatency | None = None) -> None:
        self._parts = parts
        self._current: tuple[Reply, asyncio.Task[None]] | None = None
        self.latency = latency
        self._begun: dict[int, int] = {}
        self._items: dict[int, str] = {}
        self._repeated: Sequence[ToolCalled] = parts.opening.restored.repeated

    def take_turn(self, turn: c.CommitTurn) -> None:
        """The caller's words are a fact."""
        self.latency = TurnLatency(turn.turn, turn.end_ms, turn.due_ms, turn.transcript_ms)
        fact = CallerSaid(turn.turn, turn.text)
        self._parts.journal.record(fact, start_ms=turn.start_ms, end_ms=turn.end_ms, source=turn.source)

    def prepare(self, command: c.PrepareReply | c.PrepareSpeech) -> None:
        """Begin to make a reply."""
        reply = self._make(command)
        if isinstance(command, c.PrepareSpeech):
            work = reply.recite(command.text, interruptible=command.interruptible)
        else:
            work = self._answer(reply, command)
        self._current = (reply, self._parts.spawn(work, name=f"reply {command.reply}"))

    def steer(self, command: c.CommitReply | c.Speak | c.StopReply) -> None:
        """Let the reply be heard, add to it, or stop it."""
        if self._current is None or self._current[0].output.reply != command.reply:
            return
        reply, task = self._current
        match command:
            case c.CommitReply():
                self._begun[command.reply] = self._parts.port.now()
                reply.commit()
            case c.Speak(text=text, filler=True):
                reply.fill(text)
            case c.Speak(text=text, interruptible=interruptible):
                reply.say(text, interruptible=interruptible)
            case c.StopReply():
                reply.output.close()
                task.cancel()

    def close(self, command: c.CloseReply) -> None:
        """A reply is over: what was heard of it is a fact."""
        said = AgentSaid(command.turn, command.text, command.heard, command.interrupted)
        start_ms = self._begun.pop(command.reply, self._parts.port.now())
        self._parts.journal.record(said, reply=command.reply, kind=command.kind.value, start_ms=start_ms)

    def cancel(self) -> None:
        """The call is over."""
        if self._current is not None:
            self._current[1].cancel()

    # ------------------------------------------------------------ what becomes of its audio

    def audio_sent(self, turn: int, utterance: int) -> None:
        """The first audio of a turn closes the books of its latency."""
        latency = self.latency
        if latency is None or latency.turn != turn:
            return
        self.latency = None
        if self._current is not None:
            latency.clause_ms = self._current[0].clause_ms
        # sent ahead of the moment at which the turn was due, by the lead of the timer: it waits for that in the ring
        parts = latency.parts(max(self._parts.port.now(), latency.due_ms))
        self._parts.journal.write(
            "latency", turn=turn, utterance=utterance, speech_end_ms=latency.speech_end_ms, **parts
        )

    def speaks(self, utterance: int, item: str) -> None:
        """An utterance is an item of a model that speaks by itself."""
        self._items[utterance] = item

    def played(self, report: pb.PlayoutReport) -> None:
        """Tell a model that speaks by itself how much the caller heard."""
        model, item = self._parts.resources.model, self._items.get(report.utterance)
        if item is not None and isinstance(model, FollowsPlayout):
            model.played(item, report.position, self._parts.resources.context)

    # ------------------------------------------------------------ making

    def _make(self, command: c.PrepareReply | c.PrepareSpeech) -> Reply:
        parts, resources = self._parts, self._parts.resources
        return Reply(
            ReplyOutput(command.reply, command.turn, parts.port),
            voice=resources.voice,
            context=resources.context,
            port=parts.port,
            reason=resources.ended_reason,
            cutting=parts.opening.assistant.voice.cutting,
            kind=command.kind if isinstance(command, c.PrepareSpeech) else SpeechKind.REPLY,
            said=command.said,
        )

    async def _answer(self, reply: Reply, command: c.PrepareReply) -> None:
        parts = self._parts
        await parts.tools.settled()
        # The turn may have been taken meanwhile: then its text is in the context already.
        pending = "" if parts.context.has_caller_turn(command.turn) else command.text
        messages = parts.context.messages(pending)
        request = ChatRequest(messages, parts.tools.definitions, parts.resources.context, command.said)
        repeated, self._repeated = self._repeated, ()
        conversing = Conversing(
            request,
            turn=command.turn,
            model=parts.resources.model,
            tools=parts.tools,
            end_phrases=parts.opening.assistant.end_call_phrases,
            farewell=parts.opening.plan.farewell,
            repeated=repeated,
            tell=parts.announcements.model_output if parts.announcements.of_model else None,
        )
        await reply.answer(conversing)
