"""Tools that the model may use: HTTP POST of Vapi's `tool-calls` message.

A tool call is a fact before it is made and after: both are journalled. It belongs to the call, not to the reply that
asked for it, so a caller who interrupts does not tear a request in half; the next reply waits for its result.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from gateway.assistant.assistant import Assistant, Tool
from gateway.assistant.section import Server
from gateway.conversation.context import ToolCalled, ToolReturned
from gateway.conversation.events import ToolEnded, ToolStarted
from gateway.providers.base import ToolCall, ToolDefinition
from gateway.worker.output import OutputPort
from gateway.worker.server_message import server_message

GRACE_SECONDS = 5.0
"""A tool that still runs this long after the end of the call is given up."""
END_CALL = "endCall"
_END_CALL = ToolDefinition(END_CALL, "Ends the call. Use it when the conversation is over.", {"type": "object"})

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What came of a tool call; `result` is the text that the model sees, an error's sentence when not `ok`."""

    call: ToolCall
    ok: bool
    result: str


class Tools:
    """The tools of one call.

    :param spawn: starts a task that the session owns
    :param record: keeps a fact in context and journal
    :param known_ids: tool calls that an earlier worker of the call made
    """

    def __init__(
        self,
        assistant: Assistant,
        *,
        call: Mapping[str, Any],
        client: httpx.AsyncClient,
        port: OutputPort,
        spawn: Callable[..., asyncio.Task[ToolOutcome]],
        record: Callable[..., None],
        known_ids: Iterable[str] = (),
    ) -> None:
        self._assistant = assistant
        self._tools = {_name(tool): tool for tool in assistant.model.tools}
        self._call = call
        self._client = client
        self._port = port
        self._spawn = spawn
        self._record = record
        self._ids = set(known_ids)
        self._count = len(self._ids)
        self._running: set[asyncio.Task[ToolOutcome]] = set()

    @property
    def definitions(self) -> tuple[ToolDefinition, ...]:
        """The tools as the model sees them."""
        return tuple(_definition(tool) for tool in self._assistant.model.tools)

    def ends_call(self, call: ToolCall) -> bool:
        """The call is of the endCall tool."""
        tool = self._tools.get(call.name)
        return tool is not None and tool.type == "endCall"

    async def settled(self) -> None:
        """Wait for the tools that earlier replies started."""
        if self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """The call is over: what runs may end for a moment, then it is given up."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()

    async def run(self, call: ToolCall, turn: int, reply: int) -> ToolOutcome:
        """Run a tool to its end, also when the caller of this is cancelled. Never raises: a failure is an outcome. The
        outcome's call has an id that no other of the conversation has, whatever the model gave it."""
        call = self._unique(call)
        task = self._spawn(self._run(call, turn, reply), name=f"tool {call.name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    def _unique(self, call: ToolCall) -> ToolCall:
        self._count += 1
        if call.id in self._ids:
            call = ToolCall(f"{call.id}-{self._count}", call.name, call.arguments)
        self._ids.add(call.id)
        return call

    async def _run(self, call: ToolCall, turn: int, reply: int) -> ToolOutcome:
        server = self._server(call.name)
        timeout = server.timeout_seconds if server is not None else 0.0
        key = f"{self._call['id']}:{turn}:{call.id}"
        self._record(ToolCalled(turn, call.id, call.name, dict(call.arguments)), key=key)
        started = self._port.now()
        self._port.dispatch(ToolStarted(started, reply, call.id, round(timeout * 1000)))
        outcome = await self._request(call, server, key)
        now = self._port.now()
        details = {} if outcome.ok else {"error": outcome.result}
        self._record(ToolReturned(turn, call.id, call.name, outcome.ok, outcome.result), ms=now - started, **details)
        self._port.dispatch(ToolEnded(now, reply, call.id))
        return outcome

    def _server(self, name: str) -> Server | None:
        tool = self._tools.get(name)
        return None if tool is None else tool.server or self._assistant.server

    async def _request(self, call: ToolCall, server: Server | None, key: str) -> ToolOutcome:
        if server is None:
            return ToolOutcome(call, False, f"There is no tool {call.name} with a server.")
        try:
            async with asyncio.timeout(server.timeout_seconds):
                response = await self._client.post(
                    server.url,
                    json=self._body(call),
                    headers={**server.request_headers, "Idempotency-Key": key},
                    timeout=server.timeout_seconds,
                )
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            logger.warning("tool failed", tool=call.name, url=server.url, error=str(error) or type(error).__name__)
            return ToolOutcome(call, False, f"The tool {call.name} could not be reached.")
        return read_outcome(call, response.status_code, response.text)

    def _body(self, call: ToolCall) -> dict[str, Any]:
        """Vapi's message, with the entry in every shape that servers are written for."""
        arguments = dict(call.arguments)
        function = {"name": call.name, "arguments": arguments, "parameters": arguments}
        entry = {"id": call.id, "type": "function", **function, "function": function}
        tool = self._tools[call.name].model_dump(by_alias=True, exclude_none=True, exclude={"server"})
        lists = {
            "toolCallList": [entry],
            "toolCalls": [entry],
            "toolWithToolCallList": [{**tool, "name": call.name, "toolCall": entry}],
        }
        return server_message("tool-calls", call=self._call, assistant=self._assistant, **lists)


def read_outcome(call: ToolCall, status: int, body: str) -> ToolOutcome:
    """Read a tool server's answer: `{"results": [{"toolCallId", "result"}]}`, and what servers send instead of it.

    The entry with the call's id counts, or the only one. A result that is not text is passed on as JSON; an answer
    without `results` is the result itself. An error status fails the call, unless the answer holds a result.
    """
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if isinstance(data, dict) and isinstance(results := data.get("results"), list):
        return _of_results(call, status, results)
    if status >= 400:
        return ToolOutcome(call, False, f"The tool {call.name} answered with the error {status}.")
    if data is None:
        return ToolOutcome(call, True, body.strip())
    return _of_entry(call, data) if isinstance(data, dict) else ToolOutcome(call, True, _text(data))


def _of_results(call: ToolCall, status: int, results: Sequence[Any]) -> ToolOutcome:
    entries = [entry for entry in results if isinstance(entry, dict)]
    named = [entry for entry in entries if entry.get("toolCallId") == call.id]
    chosen = named or (entries if len(entries) == 1 else [])
    if not chosen:
        logger.warning("tool answered for other calls", tool=call.name, status=status, ids=len(entries))
        return ToolOutcome(call, False, f"The tool {call.name} gave no result.")
    return _of_entry(call, chosen[0])


def _of_entry(call: ToolCall, entry: Mapping[str, Any]) -> ToolOutcome:
    if "result" in entry:
        return ToolOutcome(call, True, _text(entry["result"]))
    if "error" in entry:
        return ToolOutcome(call, False, _text(entry["error"]))
    return ToolOutcome(call, True, _text(entry))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name(tool: Tool) -> str:
    return tool.function.name if tool.function is not None else END_CALL


def _definition(tool: Tool) -> ToolDefinition:
    if tool.function is None:
        return _END_CALL
    return ToolDefinition(tool.function.name, tool.function.description, tool.function.parameters)
