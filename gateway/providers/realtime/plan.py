"""How a session is set up. Wire format: the session object of `session.update`
(developers.openai.com/api/reference/resources/realtime/client-events)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import openai

from gateway.providers.base import ChatRequest, ToolDefinition
from gateway.providers.realtime.connection import Connection, connect
from gateway.settings import FailoverSettings

SESSION_SECONDS = 55 * 60.0
"""OpenAI ends a session after 60 minutes."""
_MU_LAW = {"type": "audio/pcmu"}


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """:param provider: as in the assistant
    :param voice: by name, or the id of one of the user's own ("voice_…")
    :param transcriber: the model that writes down what the caller says
    :param language: of the caller, ISO 639-1, empty when it is not known
    :param extra: further fields of the session"""

    client: openai.AsyncOpenAI
    model: str
    voice: str
    transcriber: str
    language: str = ""
    provider: str = "openai"
    extra: dict[str, Any] = field(default_factory=dict)
    failover: FailoverSettings = field(default_factory=FailoverSettings)
    session_seconds: float = SESSION_SECONDS

    @property
    def who(self) -> str:
        """How sentences about it begin."""
        return f"The realtime model {self.model} of {self.provider}"

    @property
    def thinks(self) -> bool:
        """The model may think before it speaks."""
        return "reasoning" in self.extra or self.model.startswith("gpt-realtime-2")

    async def connect(self) -> Connection:
        """A new connection. :raises ProviderError: there is none"""
        return await connect(self.client, self.model, self.who, self.failover.connect_seconds)

    @property
    def session(self) -> dict[str, Any]:
        """The session as it begins: µ-law both ways, and the turns are ours."""
        transcription = {"model": self.transcriber, **({"language": self.language} if self.language else {})}
        heard = {"format": _MU_LAW, "transcription": transcription, "turn_detection": None}
        voice = {"id": self.voice} if self.voice.startswith("voice_") else self.voice
        return {
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {"input": heard, "output": {"format": _MU_LAW, "voice": voice}},
            **self.extra,
        }

    def instructed(self, request: ChatRequest) -> dict[str, Any]:
        """What the session is to know beside what was said."""
        system = [message.content for message in request.messages if message.role == "system"]
        return {
            "type": "realtime",
            **({"instructions": "\n\n".join(system)} if system else {}),
            "tools": [_tool(tool) for tool in request.tools],
        }


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
