"""Tool calls that come in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

from gateway.errors import ProviderError
from gateway.providers.base import ToolCall
from gateway.providers.llm.wire import ToolCallDelta


class ToolCallDeltas:
    """The calls of one reply, put together from their pieces."""

    def __init__(self) -> None:
        self._calls: list[_Pieces] = []
        self._current: dict[int, _Pieces] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, delta: ToolCallDelta) -> None:
        """The next piece of a call."""
        call = self._current.get(delta.index)
        if call is None or call.is_another(delta):
            call = self._current[delta.index] = _Pieces()
            self._calls.append(call)
        call.id = delta.id or call.id
        call.name = delta.name or call.name
        call.arguments.append(delta.arguments)

    def complete(self, who: str) -> Iterator[ToolCall]:
        """The calls in their order, with arguments parsed.

        :raises ProviderError: a call has no name, or arguments that are no JSON object
        """
        for call in self._calls:
            if not call.name:
                raise ProviderError(f"{who} called a tool without naming it.")
            yield ToolCall(call.id or f"call_{uuid4().hex}", call.name, _arguments(who, call))


@dataclass(slots=True)
class _Pieces:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def is_another(self, delta: ToolCallDelta) -> bool:
        """Whether the piece begins another call: Ollama and Google's gateway give all calls of a reply one index."""
        return bool(self.id and delta.id and delta.id != self.id)


def _arguments(who: str, call: _Pieces) -> dict[str, object]:
    text = "".join(call.arguments) or "{}"
    try:
        arguments = json.loads(text)
    except ValueError as error:
        raise ProviderError(f"{who} called {call.name} with arguments that are not JSON: {text:.80}") from error
    if not isinstance(arguments, dict):
        raise ProviderError(f"{who} called {call.name} with arguments that are no object: {text:.80}")
    return arguments
