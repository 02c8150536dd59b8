"""A message that follows from an event, and who wants it: Vapi's `serverMessages` and `clientMessages`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

FINAL_TRANSCRIPT: Final = 'transcript[transcriptType="final"]'

SERVER_DEFAULT: Final = frozenset(
    {
        *("conversation-update", "end-of-call-report", "function-call", "hang", "speech-update", "status-update"),
        *("tool-calls", "transfer-destination-request", "handoff-destination-request", "user-interrupted"),
        "assistant.started",
    }
)
CLIENT_DEFAULT: Final = frozenset(
    {
        *("conversation-update", "function-call", "hang", "model-output", "speech-update", "status-update"),
        *("transfer-update", "transcript", "tool-calls", "user-interrupted", "voice-input", "assistant.started"),
        "workflow.node.started",
    }
)
CLIENT_ONLY: Final = frozenset({"metadata", "tool-calls-result", "tool.completed", "function-call-result"})
SERVER_ONLY: Final = frozenset({"end-of-call-report", "phone-call-control"})
_ALSO: Final[Mapping[str, Collection[str]]] = {"language-change-detected": ("language-changed",)}
"""Older names under which a message may be subscribed."""


class Audience(Enum):
    """Whose subscriptions count."""

    SERVER = "serverMessages"
    CLIENT = "clientMessages"


@dataclass(frozen=True, slots=True)
class Message:
    """`fields` are those of its type, beside what every message says of the call. `frequent` ones come many times a
    second, and carry no artifact. `requested`: a worker sends it to the server itself and waits for the reply."""

    type: str
    time_ms: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    frequent: bool = False
    requested: bool = False


def wanted(message: Message, audience: Audience, subscribed: Collection[str] | None) -> bool:
    """Whether an assistant's server or client gets a message.

    :param subscribed: the assistant's list; None for Vapi's default
    """
    if message.type in (CLIENT_ONLY if audience is Audience.SERVER else SERVER_ONLY):
        return False
    if audience is Audience.SERVER and message.requested:
        return False
    if subscribed is None:
        subscribed = SERVER_DEFAULT if audience is Audience.SERVER else CLIENT_DEFAULT
    if message.type in subscribed or any(name in subscribed for name in _ALSO.get(message.type, ())):
        return True
    final = message.type == "transcript" and message.fields.get("transcriptType") == "final"
    return final and FINAL_TRANSCRIPT in subscribed


def subscriptions(assistant: Mapping[str, Any], audience: Audience) -> Collection[str] | None:
    """What an assistant subscribes to; None for the default."""
    listed = assistant.get(audience.value)
    return {str(name) for name in listed} if isinstance(listed, list) else None
