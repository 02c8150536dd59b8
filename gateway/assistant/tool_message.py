"""What is said to the caller around a tool: Vapi's `messages` of a tool."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.assistant.section import Section


class Condition(Section):
    """A condition on an argument of the tool call. `param` names the argument, with dots for one inside of another."""

    param: str = Field(max_length=1000)
    operator: Literal["eq", "neq", "gt", "gte", "lt", "lte"]
    value: Any


class TextContent(Section):
    """A message in one language (ISO 639-1, with or without a region)."""

    type: Literal["text"] = "text"
    text: str = Field(max_length=1000)
    language: str = ""


class ToolMessageText(Section):
    """What all messages have. `contents` are the same in several languages, instead of `content`."""

    content: str = Field(default="", max_length=1000)
    contents: list[TextContent] = Field(default_factory=list)
    conditions: list[Condition] = Field(default_factory=list)


class RequestStart(ToolMessageText):
    """Said when the tool starts; the tool waits until it is said, where it is `blocking`."""

    type: Literal["request-start"]
    blocking: bool = False


class RequestComplete(ToolMessageText):
    """Said when the tool is done, instead of asking the model; with the role system it is a hint to the model."""

    type: Literal["request-complete"]
    role: Literal["assistant", "system"] = "assistant"
    end_call_after_spoken_enabled: bool = False


class RequestFailed(ToolMessageText):
    """Said when the tool has failed, instead of asking the model; with the role system it is a hint to the model."""

    type: Literal["request-failed"]
    role: Literal["assistant", "system"] = "assistant"
    end_call_after_spoken_enabled: bool = False


class RequestDelayed(ToolMessageText):
    """Said when the tool has no result after this time."""

    type: Literal["request-response-delayed"]
    timing_milliseconds: float = Field(default=1000, ge=100, le=120_000)


OutcomeMessage = Annotated[RequestComplete | RequestFailed, Field(discriminator="type")]
ToolMessage = Annotated[
    RequestStart | RequestComplete | RequestFailed | RequestDelayed,
    Field(discriminator="type"),
]
