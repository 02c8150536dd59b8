"""The responses of a streamed answer of Gemini."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

from google.genai import types

from gateway.errors import ProviderError
from gateway.providers.base import TextDelta
from gateway.providers.llm.kept import KeptByCall
from gateway.providers.llm.tool_schemas import ToolNames
from gateway.providers.llm.wire import Finish, Piece, Tokens, ToolCallDelta

_BROKEN = frozenset(
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

    def __init__(self, who: str, names: ToolNames, signatures: KeptByCall) -> None:
        self._who = who
        self._names = names
        self._signatures = signatures
        self._calls = 0

    def read(self, response: types.GenerateContentResponse) -> Iterator[Piece]:
        """What a response brings.

        :raises ProviderError: the model stopped over an error of its own
        """
        if response.usage_metadata:
            yield _tokens(response.usage_metadata)
        if (feedback := response.prompt_feedback) and feedback.block_reason:
            yield Finish("filtered", feedback.block_reason_message or _name(feedback.block_reason))
        for candidate in (response.candidates or ())[:1]:
            for part in (candidate.content and candidate.content.parts) or ():
                yield from self._part(part)
            if candidate.finish_reason:
                yield self._finish(candidate.finish_reason, candidate.finish_message)

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

    def _finish(self, reason: types.FinishReason, message: str | None) -> Finish:
        if reason is types.FinishReason.STOP:
            return Finish("complete")
        if reason in (types.FinishReason.MAX_TOKENS, types.FinishReason.CONTINUATION):
            return Finish("length")
        if reason in _BROKEN:
            raise ProviderError(f"{self._who} gave up: {message or _name(reason)}.")
        return Finish("filtered", message or _name(reason))


def _tokens(usage: types.GenerateContentResponseUsageMetadata) -> Tokens:
    """Thoughts are billed as output."""
    completion = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Tokens(usage.prompt_token_count, usage.cached_content_token_count or 0, completion)


def _name(reason: types.FinishReason | types.BlockedReason) -> str:
    return str(reason.value).lower().replace("_", " ")
