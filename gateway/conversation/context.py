"""What was said and done, and the messages that the model sees of it.

The model sees what the caller heard: a reply that was cut ends where it was cut, and one that nobody heard is not
there. A tool's call and result stay even when the reply around them was cut, because what was done is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.providers.base import ChatMessage, ToolCall


@dataclass(frozen=True, slots=True)
class CallerSaid:
    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class AgentSaid:
    """`heard` is the prefix of `text` that reached the caller."""

    turn: int
    text: str
    heard: str
    interrupted: bool


@dataclass(frozen=True, slots=True)
class ToolCalled:
    turn: int
    id: str
    name: str
    arguments: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ToolReturned:
    turn: int
    id: str
    name: str
    ok: bool
    result: str


@dataclass(frozen=True, slots=True)
class Added:
    """A message that nobody spoke: live control or a hook put it into the conversation."""

    turn: int
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Instructed:
    """Another assistant took the conversation over, and keeps it as it was: its own system messages."""

    turn: int
    messages: tuple[ChatMessage, ...]


Fact = CallerSaid | AgentSaid | ToolCalled | ToolReturned | Added
Part = Fact | Instructed
"""What a context is made of. `Instructed` follows from the assistants of the call, so that no journal keeps it."""


@dataclass(slots=True)
class Context:
    """The facts of a conversation, oldest first, after fixed system messages. `spans` says when each was. The present
    assistant has had the conversation since the fact with the index `since`."""

    system: tuple[ChatMessage, ...] = ()
    facts: list[Part] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    since: int = 0

    def add(self, fact: Part, *, start_ms: int = 0, end_ms: int = 0) -> None:
        """Append a fact that took from `start_ms` to `end_ms` of the call clock."""
        self.facts.append(fact)
        self.spans.append((start_ms, end_ms))

    @property
    def last_said(self) -> str:
        """What the caller heard of the agent's last words."""
        return next((fact.heard for fact in reversed(self.facts) if isinstance(fact, AgentSaid) and fact.heard), "")

    def has_caller_turn(self, turn: int) -> bool:
        """The caller's words of this turn are a fact."""
        return any(isinstance(fact, CallerSaid) and fact.turn == turn for fact in self.facts)

    def open_tools(self) -> list[ToolCalled]:
        """Tools that were called and have no result."""
        returned = {fact.id for fact in self.facts if isinstance(fact, ToolReturned)}
        return [fact for fact in self.facts if isinstance(fact, ToolCalled) and fact.id not in returned]

    def messages(self, pending: str = "") -> list[ChatMessage]:
        """The messages for the model; `pending` is caller text that is no fact yet."""
        result = list(self.system)
        for fact in self.facts:
            for message in fact.messages if isinstance(fact, Instructed) else (_message(fact),):
                _append(result, message)
        if pending:
            _append(result, ChatMessage("user", pending))
        return _answered(result)


def _message(fact: Fact) -> ChatMessage:
    match fact:
        case CallerSaid():
            return ChatMessage("user", fact.text)
        case AgentSaid():
            return ChatMessage("assistant", fact.heard)
        case ToolCalled():
            return ChatMessage("assistant", "", (ToolCall(fact.id, fact.name, fact.arguments),))
        case ToolReturned():
            return ChatMessage("tool", fact.result, tool_call_id=fact.id)
        case Added():
            return ChatMessage(fact.role, fact.content)


def _append(messages: list[ChatMessage], message: ChatMessage) -> None:
    """Add a message; neighbours that one side said in pieces become one, and empty ones vanish."""
    if message.role in ("user", "assistant") and not message.content and not message.tool_calls:
        return
    last = messages[-1] if messages else None
    if (
        last is None
        or last.role != message.role
        or message.role not in ("user", "assistant")
        or (last.tool_calls and not message.tool_calls)
    ):
        messages.append(message)
    else:
        content = f"{last.content} {message.content}".strip()
        messages[-1] = ChatMessage(last.role, content, last.tool_calls + message.tool_calls)


def _answered(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Every tool call directly followed by its result, as models demand: results that came later move up to their
    call, and a call whose result is not there yet is left out."""
    results = {message.tool_call_id: message for message in messages if message.role == "tool"}
    ordered: list[ChatMessage] = []
    for message in messages:
        if message.role == "tool":
            continue
        calls = tuple(call for call in message.tool_calls if call.id in results)
        if message.tool_calls and not calls and not message.content:
            continue
        ordered.append(ChatMessage(message.role, message.content, calls))
        ordered.extend(results[call.id] for call in calls)
    return ordered
