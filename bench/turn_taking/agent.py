"""The agent of the measurement: a model that answers at once with what the bench wants said next.

It is named in the assistant's settings; everything else is as it ships: recogniser, voice, links.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from gateway.providers.base import ChatRequest, ReplyEnd, ReplyPart, TextDelta


class Direction:
    """A file that tells the model what to say. Written by the bench, read by the worker's process."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def say(self, text: str, *, expects: str = "anything") -> None:
        """From now on the answer is this text, and waits for such an answer."""
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps([text, expects]))
        partial.replace(self.file)

    def read(self) -> tuple[str, str]:
        """What is to be said, and what is awaited then."""
        text, expects = json.loads(self.file.read_text())
        return text, expects


class DirectedModel:
    """Says what the file says, whatever is asked."""

    def __init__(self, *, direction: str, **_: Mapping[str, Any]) -> None:
        self._direction = Direction(Path(direction))

    async def reply(self, request: ChatRequest) -> AsyncIterator[ReplyPart]:
        text, expects = self._direction.read()
        yield TextDelta(text)
        yield ReplyEnd(expects)


def directed_assistant(direction: Direction, *, first_message: str) -> dict[str, Any]:
    """The embedded transcriber and voice around a directed model."""
    return {
        "firstMessage": first_message,
        "transcriber": {"provider": "embedded"},
        "model": {"provider": "bench.turn_taking.agent:DirectedModel", "direction": str(direction.file)},
        "voice": {"provider": "hibari"},
        "silenceTimeoutSeconds": 300,
    }
