"""The events of an answer of Anthropic's messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from anthropic.types import (
    MessageDeltaUsage,
    RawContentBlockDeltaEvent,
    RawContentBlockStartEvent,
    RawMessageDeltaEvent,
    RawMessageStartEvent,
    RawMessageStreamEvent,
    Usage,
)

from gateway.providers.base import TextDelta
from gateway.providers.llm.kept import KeptByCall
from gateway.providers.llm.tool_schemas import ToolNames
from gateway.providers.llm.wire import Finish, Piece, Tokens, ToolCallDelta


class Reader:
    """Reads one answer. Thoughts are not spoken; those before the first tool call are kept for when its result goes
    back.

    :param kept: where they are kept, by the call's id
    """

    def __init__(self, names: ToolNames, kept: KeptByCall) -> None:
        self._names = names
        self._kept = kept
        self._thoughts: dict[int, dict[str, Any]] = {}
        self._called = False
        self._prompt: Tokens = Tokens()

    def read(self, event: RawMessageStreamEvent) -> Iterator[Piece]:
        """What an event brings.

        :raises ValueError: it cannot be there: the events come twice, or mixed with others
        """
        match event:
            case RawMessageStartEvent():
                if self._prompt.prompt is not None:
                    raise ValueError("a message began within a message")
                self._prompt = _prompt(event.message.usage)
                yield self._prompt
            case RawContentBlockStartEvent():
                yield from self._begin(event)
            case RawContentBlockDeltaEvent():
                yield from self._go_on(event)
            case RawMessageDeltaEvent():
                yield self._total(event.usage)
                if event.delta.stop_reason:
                    yield _finish(event)

    def _begin(self, event: RawContentBlockStartEvent) -> Iterator[Piece]:
        block = event.content_block
        match block.type:
            case "text":
                if block.text:
                    yield TextDelta(block.text)
            case "thinking" | "redacted_thinking":
                self._thoughts[event.index] = block.to_dict()
            case "tool_use":
                if not self._called and self._thoughts:
                    self._kept.keep(block.id, list(self._thoughts.values()))
                self._called = True
                yield ToolCallDelta(event.index, block.id, self._names.inside(block.name))

    def _go_on(self, event: RawContentBlockDeltaEvent) -> Iterator[Piece]:
        match event.delta.type:
            case "text_delta":
                yield TextDelta(event.delta.text)
            case "input_json_delta":
                yield ToolCallDelta(event.index, arguments=event.delta.partial_json)
            case "thinking_delta":
                self._thoughts[event.index]["thinking"] += event.delta.thinking
            case "signature_delta":
                self._thoughts[event.index]["signature"] = event.delta.signature

    def _total(self, usage: MessageDeltaUsage) -> Tokens:
        return Tokens(self._prompt.prompt, self._prompt.cached_prompt, usage.output_tokens)


def _prompt(usage: Usage) -> Tokens:
    """Anthropic counts what it reads from and writes to the cache beside the rest of the prompt."""
    cached = usage.cache_read_input_tokens or 0
    return Tokens(usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0), cached)


def _finish(event: RawMessageDeltaEvent) -> Finish:
    match event.delta.stop_reason:
        case "max_tokens" | "model_context_window_exceeded":
            return Finish("length")
        case "refusal":
            details = event.delta.stop_details
            return Finish("filtered", (details and details.explanation) or "its safety rules")
    return Finish("complete")
