"""Tries a tool outside of a call: sends what a live call would send, and tells all that came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.assistant.section import Server
from gateway.assistant.tool import ToolBase
from gateway.conversation.context import ToolCalled, ToolReturned
from gateway.conversation.templates import nested
from gateway.errors import ConfigError
from gateway.providers.base import ToolCall, ToolDefinition
from gateway.tools.kind import Surroundings
from gateway.tools.outcome import ToolOutcome
from gateway.tools.port import Done
from gateway.tools.toolbox import Toolbox
from gateway.webhooks.signing import Signer

MASK = "***"
_SECRET = ("authorization", "cookie", "secret", "token", "key")
CALL: Mapping[str, Any] = {
    "id": "00000000-0000-0000-0000-000000000000",
    "type": "inboundPhoneCall",
    "status": "in-progress",
    "customer": {"number": "+15555550100"},
    "phoneNumber": {"number": "+15555550101"},
}
"""The call of a trial: numbers that belong to nobody."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One HTTP request of a trial. Values of headers that open doors are masked."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str
    status: int = 0
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    ms: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """`definition` is the tool as the model sees it, `kept` what the record of a call would have, `would` what a live
    call would have done besides."""

    definition: ToolDefinition
    outcome: ToolOutcome
    sent: Sequence[Sent]
    kept: Sequence[Mapping[str, Any]]
    would: Sequence[str]
    said: Sequence[str]
    variables: Mapping[str, Any]
    ms: int

    @property
    def shown(self) -> dict[str, Any]:
        """As JSON."""
        outcome = self.outcome
        return {
            "name": self.definition.name,
            "description": self.definition.description,
            "parameters": dict(self.definition.parameters),
            "ok": outcome.ok,
            "result": outcome.result,
            "ms": self.ms,
            "requests": [
                {
                    "method": one.method,
                    "url": one.url,
                    "headers": dict(one.headers),
                    "body": one.body,
                    "status": one.status,
                    "responseHeaders": dict(one.answer_headers),
                    "ms": one.ms,
                }
                for one in self.sent
            ],
            "record": [dict(entry) for entry in self.kept],
            "wouldDo": list(self.would),
            "said": [*self.said, *([outcome.say] if outcome.say else [])],
            "hint": outcome.hint,
            "endedReason": outcome.ended_reason,
            "variables": dict(self.variables),
        }


async def try_tool(
    tool: ToolBase,
    arguments: Mapping[str, Any],
    *,
    client: httpx.AsyncClient,
    name: str = "",
    variables: Mapping[str, Any] | None = None,
    server: Server | None = None,
    credentials: Sequence[Mapping[str, Any]] = (),
) -> Trial:
    """Call a tool once.

    :param client: sends the requests; its hooks are used meanwhile
    :param name: of the tool, where it has several: one of an MCP server
    :param server: of the assistant, for a tool that has none of its own
    :raises ConfigError: it has no function of this name
    """
    port, wire = _Port({**nested({"call": dict(CALL)}), "customer": CALL["customer"], **(variables or {})}), _Wire()
    around = Surroundings(
        port=port,
        client=client,
        signer=Signer(client),
        call=CALL,
        assistant={"name": "parley tool test"},
        server=server,
        voicemail_message="(the assistant's voicemailMessage)",
        credentials=credentials,
    )
    toolbox = Toolbox([tool], around, spawn=lambda work, name: asyncio.create_task(work, name=name))
    await toolbox.settled()
    known = {one.name: one for one in toolbox.definitions}
    definition = known.get(name) if name else next(iter(known.values()), None)
    if definition is None:
        raise ConfigError(f"The tool has no function {name or 'to call'}; it has: {', '.join(known) or 'none'}.")
    client.event_hooks = {"request": [wire.goes], "response": [wire.comes]}
    began = time.monotonic()
    try:
        outcome = await toolbox.run(ToolCall("trial", definition.name, arguments), 1, 1, port)
        await toolbox.close()
    finally:
        client.event_hooks = {}
    ms = round((time.monotonic() - began) * 1000)
    return Trial(definition, outcome, wire.sent, port.kept, port.would, port.said, port.found, ms)


class _Wire:
    """Keeps what goes over the wire."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._began: dict[httpx.Request, float] = {}

    async def goes(self, request: httpx.Request) -> None:
        """A request goes out."""
        self._began[request] = time.monotonic()
        body = (await request.aread()).decode(errors="replace")
        self.sent.append(Sent(request.method, str(request.url), _masked(request.headers), body))

    async def comes(self, response: httpx.Response) -> None:
        """An answer begins."""
        ms = round((time.monotonic() - self._began.get(response.request, time.monotonic())) * 1000)
        last = self.sent[-1]
        self.sent[-1] = Sent(
            last.method, last.url, last.headers, last.body, response.status_code, _masked(response.headers), ms
        )


def _masked(headers: httpx.Headers) -> dict[str, str]:
    return {
        name: MASK if any(part in name.lower() for part in _SECRET) and name.lower() != "idempotency-key" else value
        for name, value in headers.items()
    }


class _Port:
    """A conversation of one tool call. What a live call would do is put down, and taken to go well."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.variables = dict(variables)
        self.found: dict[str, Any] = {}
        self.kept: list[Mapping[str, Any]] = []
        self.would: list[str] = []
        self.said: list[str] = []

    def set_variables(self, values: Mapping[str, Any]) -> None:
        self.variables.update(values)
        self.found.update(values)

    def messages(self) -> Sequence[Mapping[str, Any]]:
        return []

    def now(self) -> int:
        return 0

    def record(self, fact: ToolCalled | ToolReturned, **details: Any) -> None:
        """The outcome tells it."""

    def journal(self, kind: str, data: Mapping[str, Any]) -> None:
        self.kept.append({"kind": kind, **data})

    async def durable(self) -> bool:
        """Nobody would do it again."""
        return True

    def tool_started(self, tool: str, reply: int, timeout_ms: int, *, covered: bool) -> None:
        """Nobody waits."""

    def tool_ended(self, tool: str, reply: int) -> None:
        """Nobody waits."""

    def say(self, text: str, *, interruptible: bool = True) -> None:
        self.said.append(text)

    async def heard(self) -> None:
        """At once."""

    async def transfer(self, destination: Mapping[str, Any], *, tool: str) -> Done:
        address = destination.get("sipUri") or destination.get("number")
        return self._would(f"transfer the call to {address}")

    async def hand_off(self, destination: Mapping[str, Any], *, tool: str) -> Done:
        names = ("assistantName", "assistantId", "squadId")
        who = next((destination[name] for name in names if destination.get(name)), "another assistant")
        return self._would(f"give the conversation to {who}")

    async def send_digits(self, digits: str, *, info: bool, tool: str) -> Done:
        return self._would(f"press {digits}{' by SIP INFO' if info else ''}")

    async def pause_recording(self, *, paused: bool) -> Done:
        return self._would("pause the recording" if paused else "let the recording go on")

    async def take_consent(self, *, granted: bool) -> Done:
        return self._would("take the consent to a recording")

    async def send_sip_request(self, verb: str, headers: Mapping[str, str], body: str, *, tool: str) -> Done:
        return self._would(f"send SIP {verb} with {dict(headers)} and the body {body!r}")

    def _would(self, what: str) -> Done:
        self.would.append(what)
        return Done(True, f"A live call would {what}.")
