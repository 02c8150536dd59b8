"""What the types of tools have in common, and what they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from gateway.assistant.section import Server
from gateway.assistant.tool import ToolBase
from gateway.providers.base import ToolCall, ToolDefinition
from gateway.tools.outcome import ToolResult
from gateway.tools.port import ToolPort


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The conversation that tools run in. `call` is Vapi's call object, `assistant` its assistant as JSON without
    secrets, `server` where tools without one of their own are called. `credentials` hold secrets. `extra` goes into
    every message to a server beside them: a chat, a phone number."""

    port: ToolPort
    client: httpx.AsyncClient
    call: Mapping[str, Any]
    assistant: Mapping[str, Any] = field(default_factory=dict)
    server: Server | None = None
    voicemail_message: str = ""
    credentials: Sequence[Mapping[str, Any]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call of a tool. `key` is the same whenever this call is made again."""

    call: ToolCall
    key: str


class ToolKind(Protocol):
    """A configured tool."""

    @property
    def tool(self) -> ToolBase:
        """How it was configured."""

    @property
    def definition(self) -> ToolDefinition:
        """The function that the model sees."""

    @property
    def seconds(self) -> float:
        """The longest that a call of it takes."""

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Do it. Never raises what a server or the network can cause: a failure is a result."""
