"""What a model's emulator answers, in no provider's terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call; `arguments` is JSON, or what a confused model takes for it."""

    name: str
    arguments: str = "{}"
    id: str = "call_1"


@dataclass(frozen=True, slots=True)
class Answer:
    """:param thoughts: reasoning that the server shows, and nobody is to speak
    :param finish: why the model stops: as usual, for its limit, for a filter, or never (it goes on for ever)
    :param cached: prompt tokens that were in the server's cache
    :param reasoning: tokens of thought within the completion's
    """

    text: str = ""
    calls: Sequence[Called] = ()
    thoughts: str = ""
    finish: Literal["complete", "length", "filtered", "never"] = "complete"
    cached: int = 0
    reasoning: int = 0

    def tokens(self) -> Iterator[str]:
        """The text in pieces, one a word; without end when it never finishes."""
        pieces = re.findall(r"\s*\S+\s*$|\s*\S+", self.text)
        yield from pieces
        while self.finish == "never":
            yield from pieces or [" word"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in common terms: `messages` are roles and texts, `tools` names, `body` the request as it came."""

    messages: Sequence[tuple[str, str]]
    tools: Sequence[str] = ()
    body: Mapping[str, Any] = field(default_factory=dict)


Answering = Callable[[Asked], Answer]


def echo(asked: Asked) -> Answer:
    """Says again what the user said last."""
    said = [text for role, text in asked.messages if role == "user"]
    return Answer(f"You said: {said[-1] if said else 'nothing'}")


def words(text: str) -> int:
    """Tokens of a text, as these emulators count them."""
    return len(text.split())
