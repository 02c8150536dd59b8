"""What the types of tools have in common, and what they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from gateway.assistant.section import Server
from gateway.assistant.tool import ToolBase
from gateway.errors import SigningError
from gateway.providers.base import ToolCall, ToolDefinition
from gateway.tools.outcome import ToolResult
from gateway.tools.port import Speaker, ToolPort
from gateway.webhooks.signing import Signer


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The conversation that tools run in. `call` is Vapi's call object, `assistant` its assistant as JSON without
    secrets, `server` where tools without one of their own are called, `phone_number` Vapi's. `credentials` hold
    secrets, `signer` uses them.
    """

    port: ToolPort
    client: httpx.AsyncClient
    signer: Signer
    call: Mapping[str, Any]
    assistant: Mapping[str, Any] = field(default_factory=dict)
    server: Server | None = None
    phone_number: Mapping[str, Any] | None = None
    voicemail_message: str = ""
    credentials: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    def credential(self, credential_id: str | None) -> Mapping[str, Any] | None:
        """A credential with its secrets.

        :raises SigningError: there is none with this id
        """
        if not credential_id:
            return None
        for credential in self.credentials:
            if credential.get("id") == credential_id:
                return credential
        raise SigningError(f"There is no credential {credential_id}; correct credentialId.")

    def credential_of(self, provider: str) -> Mapping[str, Any] | None:
        """The first credential for a provider."""
        return next((one for one in self.credentials if one.get("provider") == provider), None)


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call of a tool, made in a reply that it may speak in. `key` is the same whenever this call is made again;
    `again`: another worker has made it before, and said what is said before it is carried out."""

    call: ToolCall
    key: str
    speaker: Speaker
    again: bool = False

    @property
    def name(self) -> str:
        """What the model called."""
        return self.call.name

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the model gave."""
        return self.call.arguments


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

    @property
    def repeatable(self) -> bool:
        """A call of it may be made once more when nobody knows what became of it: it changes nothing, or nothing more.
        Any other one is made only when it is certain to be remembered that it was."""

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Do it. Never raises what a server or the network can cause: a failure is a result."""
