"""The responses of a streamed answer of Gemini."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

from google.genai import types

from gateway.providers.base import TextDelta
from gateway.providers.llm.kept import KeptByCall
from gateway.providers.llm.tool_schemas import ToolNames
from gateway.providers.llm.wire import Finish, Piece, Tokens, ToolCallDelta

_FAILED = frozenset(
    {
        types.FinishReason.MALFORMED_FUNCTION_CALL,
        types.FinishReason.UNEXPECTED_TOOL_CALL,
        types.FinishReason.TOO_MANY_TOOL_CALLS,
        types.FinishReason.MISSING_THOUGHT_SIGNATURE,
        types.FinishReason.MALFORMED_RESPONSE,
        types.FinishReason.LANGUAGE,
        types.FinishReason.OTHER,
    }
)
"""It may do better when it is asked again. What is neither here nor a good end is a filter."""


class Reader:
    """Reads one answer. Thoughts are not spoken; their signatures are kept with the tool calls that they led to."""

    def __init__(self, names: ToolNames, signatures: KeptByCall) -> None:
        self._names = names
        self._signatures = signatures
        self._calls = 0
        self._before: types.GenerateContentResponse | None = None

    def read(self, response: types.GenerateContentResponse) -> Iterator[Piece]:
        """What a response brings. One that is the same as the one before, its count of tokens too, came twice."""
        if response.usage_metadata and response == self._before:
            return
        self._before = response
        if response.usage_metadata:
            yield _tokens(response.usage_metadata)
        if (feedback := response.prompt_feedback) and feedback.block_reason:
            yield Finish("filtered", feedback.block_reason_message or _name(feedback.block_reason))
        for candidate in (response.candidates or ())[:1]:
            for part in (candidate.content and candidate.content.parts) or ():
                yield from self._part(part)
            if candidate.finish_reason:
                yield _finish(candidate.finish_reason, candidate.finish_message)

    def _part(self, part: types.Part) -> Iterator[Piece]:
        if part.function_call:
            yield self._call(part.function_call, part.thought_signature)
        elif part.text and not part.thought:
            yield TextDelta(part.text)

    def _call(self, call: types.FunctionCall, signature: bytes | None) -> ToolCallDelta:
        identity = call.id or f"call_{uuid4().hex}"
        if signature:
            self._signatures.keep(identity, signature)
        self._calls += 1
        return ToolCallDelta(self._calls, identity, self._names.inside(call.name or ""), json.dumps(call.args or {}))


def _finish(reason: types.FinishReason, message: str | None) -> Finish:
    if reason is types.FinishReason.STOP:
        return Finish("complete")
    if reason in (types.FinishReason.MAX_TOKENS, types.FinishReason.CONTINUATION):
        return Finish("length")
    return Finish("failed" if reason in _FAILED else "filtered", message or _name(reason))


def _tokens(usage: types.GenerateContentResponseUsageMetadata) -> Tokens:
    """Thoughts are billed as output."""
    completion = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Tokens(usage.prompt_token_count, usage.cached_content_token_count or 0, completion)


def _name(reason: types.FinishReason | types.BlockedReason) -> str:
    return str(reason.value).lower().replace("_", " ")
