"""The tools of one conversation.

A tool call is a fact before it is made and after: both are journalled. It belongs to the conversation, not to the reply
that asked for it, so a caller who interrupts does not tear a request in half; the next reply waits for its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import structlog

from gateway.assistant.tool import FunctionTool, McpTool, ToolBase
from gateway.assistant.tool_message import OutcomeMessage
from gateway.conversation.context import ToolCalled, ToolReturned
from gateway.conversation.templates import render
from gateway.errors import ConfigError
from gateway.providers.base import ToolCall, ToolDefinition
from gateway.tools.kind import Surroundings, ToolKind, ToolUse
from gateway.tools.kinds import kinds
from gateway.tools.mcp_tools import McpTools
from gateway.tools.messages import ToolMessages, text_in
from gateway.tools.outcome import ToolOutcome, ToolResult
from gateway.tools.port import Speaker
from gateway.tools.rejection import refusal

GRACE_SECONDS = 5.0
"""A tool that still runs this long after the end of the call is given up."""
SENT = "The request was sent. No result will come back."

NOT_KEPT = (
    "It was not used, because the record of the call could not be written in time. Tell the caller that it was not "
    "done, and try once more if that is wanted."
)

logger = structlog.get_logger(__name__)


class Toolbox:
    """The tools of one conversation.

    :param spawn: starts a task that the conversation owns
    :param known_ids: tool calls that were made earlier in the conversation
    :param language: of the caller, for messages that are written in several
    """

    def __init__(
        self,
        tools: Sequence[ToolBase],
        around: Surroundings,
        *,
        spawn: Callable[..., asyncio.Task[ToolOutcome]],
        known_ids: Iterable[str] = (),
        language: str = "",
    ) -> None:
        self._kinds: dict[str, ToolKind] = {}
        for kind in kinds(tools, around.server):
            self._kinds[self._free(kind.definition.name)] = kind
        self._servers = [McpTools(tool) for tool in tools if isinstance(tool, McpTool)]
        self._listing: asyncio.Task[None] | None = None
        self._around = around
        self._spawn = spawn
        self._language = language
        self._ids = set(known_ids)
        self._count = len(self._ids)
        self._running: set[asyncio.Task[ToolOutcome]] = set()
        self._apart: set[asyncio.Task[ToolOutcome]] = set()

    @property
    def definitions(self) -> tuple[ToolDefinition, ...]:
        """The tools as the model sees them."""
        return tuple(replace(kind.definition, name=name) for name, kind in self._kinds.items())

    @property
    def busy(self) -> bool:
        """A tool runs, also one that nobody waits for."""
        return bool(self._running or self._apart)

    def prepare(self) -> None:
        """Find out what the servers of tools have; `settled` waits for it."""
        if self._servers and self._listing is None:
            self._listing = asyncio.create_task(self._list(), name="tools of servers")

    async def _list(self) -> None:
        for found in await asyncio.gather(*(server.listed(self._around) for server in self._servers)):
            for kind in found:
                self._kinds[self._free(kind.definition.name)] = kind

    async def settled(self) -> None:
        """Wait until the tools are known, and those are done that earlier replies started."""
        self.prepare()
        if self._listing is not None:
            await asyncio.shield(self._listing)
        if self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """The call is over: what runs may end for a moment, then it is given up."""
        if self._listing is not None:
            self._listing.cancel()
        if open_tasks := self._running | self._apart:
            _, late = await asyncio.wait(open_tasks, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()

    async def run(self, call: ToolCall, turn: int, reply: int, speaker: Speaker) -> ToolOutcome:
        """Run a tool to its end, also when the caller of this is cancelled. Never raises: a failure is an outcome. The
        outcome's call has an id that no other of the conversation has, whatever the model gave it."""
        call = self._unique(call)
        kind = self._kinds.get(call.name)
        use = ToolUse(call, self._key(turn, call.id), speaker)
        marks = {"repeatable": True} if kind is not None and kind.repeatable else {}
        self._around.port.record(ToolCalled(turn, call.id, call.name, dict(call.arguments)), key=use.key, **marks)
        return await self._apart_from_reply(use, turn, reply)

    async def repeat(self, called: ToolCalled, reply: int, speaker: Speaker) -> ToolOutcome:
        """Make a call once more that another process made, and of which nobody knows what became: the same to the
        server, by its key. Never raises."""
        call = ToolCall(called.id, called.name, called.arguments)
        use = ToolUse(call, self._key(called.turn, called.id), speaker, again=True)
        return await self._apart_from_reply(use, called.turn, reply)

    def _key(self, turn: int, number: str) -> str:
        return f"{self._around.call['id']}:{turn}:{number}"

    async def _apart_from_reply(self, use: ToolUse, turn: int, reply: int) -> ToolOutcome:
        task = self._spawn(self._run(use, turn, reply), name=f"tool {use.name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    def _free(self, name: str) -> str:
        """Tools of one type have the same name, unless they were given others."""
        names = (name, *(f"{name}_{count}" for count in range(2, len(self._kinds) + 3)))
        return next(one for one in names if one not in self._kinds)

    def _unique(self, call: ToolCall) -> ToolCall:
        self._count += 1
        if call.id in self._ids:
            call = ToolCall(f"{call.id}-{self._count}", call.name, call.arguments)
        self._ids.add(call.id)
        return call

    async def _run(self, use: ToolUse, turn: int, reply: int) -> ToolOutcome:
        port, call = self._around.port, use.call
        kind = self._kinds.get(call.name)
        started = port.now()
        if kind is None:
            result = ToolResult(False, f"There is no tool {call.name}.")
            outcome = ToolOutcome(call, result.ok, result.text)
        else:
            messages = ToolMessages(kind.tool.messages, call.arguments, turn=turn)
            port.tool_started(call.id, reply, round(kind.seconds * 1000), covered=messages.cover)
            outcome = await self._use(kind, use, messages)
        details = {} if outcome.ok else {"error": outcome.result}
        details |= {"ends": outcome.ended_reason} if outcome.ended_reason else {}
        fact = ToolReturned(turn, call.id, call.name, outcome.ok, outcome.result)
        port.record(fact, ms=port.now() - started, **details)
        port.tool_ended(call.id, reply)
        return outcome

    async def _use(self, kind: ToolKind, use: ToolUse, messages: ToolMessages) -> ToolOutcome:
        port = self._around.port
        if why := refusal(kind.tool.rejection_plan, port.messages(), port.variables):
            return ToolOutcome(use.call, False, f"The tool {use.name} was not used, because {why}.")
        if isinstance(kind.tool, FunctionTool) and kind.tool.asynchronous:
            task = self._spawn(self._unawaited(kind, use), name=f"async tool {use.call.name}")
            self._apart.add(task)
            task.add_done_callback(self._apart.discard)
            return self._outcome(use, ToolResult(True, SENT), messages.complete())
        spoken = not use.again and await self._announce(messages, use.speaker)
        result = await self._awaited(kind, use, messages)
        usual = messages.complete() if result.ok else messages.failed()
        outcome = self._outcome(use, result, result.message or usual)
        return replace(outcome, spoken=spoken or result.wordless)

    async def _unawaited(self, kind: ToolKind, use: ToolUse) -> ToolOutcome:
        result = await self._carry_out(kind, use)
        return ToolOutcome(use.call, result.ok, result.text)

    async def _announce(self, messages: ToolMessages, speaker: Speaker) -> bool:
        """Say that the tool starts, and wait for the end of that where the message asks for it."""
        start = messages.start()
        text = self._rendered(text_in(start, self._language)) if start is not None else ""
        if start is None or not text:
            return False
        speaker.say(text)
        if start.blocking:
            await speaker.heard()
        return True

    async def _awaited(self, kind: ToolKind, use: ToolUse, messages: ToolMessages) -> ToolResult:
        """The result; what is to be said while it is late is said."""

        async def cover() -> None:
            passed = 0.0
            for message in messages.delayed():
                await asyncio.sleep((message.timing_milliseconds - passed) / 1000)
                passed = message.timing_milliseconds
                use.speaker.say(self._rendered(text_in(message, self._language)))

        async with asyncio.TaskGroup() as group:
            covering = group.create_task(cover(), name=f"delay of tool {use.call.name}")
            result = await self._carry_out(kind, use)
            covering.cancel()
        return result

    async def _carry_out(self, kind: ToolKind, use: ToolUse) -> ToolResult:
        """Do it. What must not be done twice waits until no other worker can take the call over without knowing."""
        if not kind.repeatable and not await self._around.port.durable():
            return ToolResult(False, NOT_KEPT)
        return await kind.run(use, self._around)

    def _outcome(self, use: ToolUse, result: ToolResult, message: OutcomeMessage | None) -> ToolOutcome:
        say, hint, ended = result.say, "", result.ended_reason
        if message is not None and not say:
            text = self._rendered(text_in(message, self._language))
            if message.role == "system":
                hint = text
            else:
                say = text
                if message.end_call_after_spoken_enabled:
                    ended = ended or "assistant-ended-call"
        return ToolOutcome(
            use.call,
            result.ok,
            result.text,
            say=say,
            interruptible=not result.say,
            hint=hint,
            ended_reason=ended,
            left=result.left,
        )

    def _rendered(self, text: str) -> str:
        try:
            return render(text, self._around.port.variables)
        except ConfigError as error:
            logger.warning("tool message not rendered", error=str(error))
            return ""
