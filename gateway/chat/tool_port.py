"""A chat as its tools see it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.conversation.context import ToolCalled, ToolReturned
from gateway.conversation.server_message import openai_messages
from gateway.providers.base import ChatMessage
from gateway.tools.port import Done, NoCall


class ChatToolPort(NoCall):
    """Tools in a conversation by text.

    :param variables: template variables, nested; what tools find out is added to them
    :param messages: the conversation, which grows
    """

    def __init__(self, variables: Mapping[str, Any], messages: Sequence[ChatMessage]) -> None:
        self._variables = dict(variables)
        self._messages = messages
        self._began = time.monotonic()
        self.found: dict[str, Any] = {}
        """What tools found out."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """Template variables, nested."""
        return self._variables

    def set_variables(self, values: Mapping[str, Any]) -> None:
        """Keep values for templates, and for the chats that follow."""
        self._variables.update(values)
        self.found.update(values)

    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The conversation so far as OpenAI's chat completions have it."""
        return openai_messages(self._messages)

    def now(self) -> int:
        """Ms since this chat began."""
        return round((time.monotonic() - self._began) * 1000)

    def record(self, fact: ToolCalled | ToolReturned, **details: Any) -> None:
        """Calls and results stand in the chat's messages."""

    def journal(self, kind: str, data: Mapping[str, Any]) -> None:
        """A chat has no journal."""

    async def durable(self) -> bool:
        """A chat is held by one process alone."""
        return True

    def tool_started(self, tool: str, reply: int, timeout_ms: int, *, covered: bool) -> None:
        """Nobody waits at a telephone."""

    def tool_ended(self, tool: str, reply: int) -> None:
        """Nobody waits at a telephone."""

    async def hand_off(self, destination: Mapping[str, Any], *, tool: str) -> Done:
        """Give the conversation to another assistant."""
        return Done(False, "There is no other assistant in this chat.")


class Written:
    """What tools say in a chat. What would fill a wait at the telephone is left out."""

    def say(self, text: str, *, interruptible: bool = True) -> None:
        """Not here."""

    async def heard(self) -> None:
        """At once."""
