"""The tokens of requests, as the server counted them or, when a request was cancelled before it told, estimated."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from gateway.providers.base import ChatRequest, TextDelta
from gateway.providers.llm.wire import Piece, Tokens, ToolCallDelta
from gateway.providers.usage import Meter, Usage

_CHARACTERS_PER_TOKEN = 4.0
"""Of English, until the server has counted once."""


class TokenCounter:
    """Counts the requests of one model, and learns from each complete one how long its tokens are."""

    def __init__(self, provider: str, model: str) -> None:
        self.provider = provider
        self.model = model
        self.characters_per_token = _CHARACTERS_PER_TOKEN

    def begin(self, request: ChatRequest) -> RequestCount:
        """The count of a request."""
        return RequestCount(self, _characters(request))


@dataclass(slots=True)
class RequestCount:
    """One request's count. Nothing is billed before the server's first piece."""

    counter: TokenCounter
    prompt_characters: int
    completion_characters: int = 0
    started: bool = False
    tokens: Tokens = field(default_factory=Tokens)

    def add(self, piece: Piece) -> None:
        """What came. Counts of the server are totals: some send them with each piece, some once."""
        self.started = True
        match piece:
            case TextDelta(text=text):
                self.completion_characters += len(text)
            case ToolCallDelta():
                self.completion_characters += len(piece.name) + len(piece.arguments)
            case Tokens():
                self.tokens = piece
                if piece.prompt:
                    self.counter.characters_per_token = max(1.0, self.prompt_characters / piece.prompt)

    def tell(self, meter: Meter) -> None:
        """The request is over, in whatever way."""
        if not self.started:
            return
        prompt, completion = self.tokens.prompt, self.tokens.completion
        meter(
            Usage(
                "model",
                self.counter.provider,
                self.counter.model,
                prompt_tokens=self._estimate(self.prompt_characters) if prompt is None else prompt,
                cached_prompt_tokens=self.tokens.cached_prompt,
                completion_tokens=self._estimate(self.completion_characters) if completion is None else completion,
            )
        )

    def _estimate(self, characters: int) -> int:
        return round(characters / self.counter.characters_per_token)


def _characters(request: ChatRequest) -> int:
    messages = sum(
        len(message.content) + sum(len(json.dumps(dict(call.arguments))) for call in message.tool_calls)
        for message in request.messages
    )
    return messages + sum(len(json.dumps(dict(tool.parameters))) + len(tool.description) for tool in request.tools)
