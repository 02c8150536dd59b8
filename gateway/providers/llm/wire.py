"""Between a language model's server and the rest: what a provider has to do, and what is done for all of them.

A provider turns a request into its server's terms and what comes back into pieces (`ModelWire`). `StreamedModel` makes
the reply of them: it puts tool calls together, goes on behind what was said, counts tokens and knows a broken answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.providers.base import ChatRequest, TextDelta


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call; `index` tells the calls of a reply apart. Id and name come whole, with one of the pieces;
    `arguments` is a piece of JSON."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the server has counted up to now. Later counts replace earlier ones; None is not told yet."""

    prompt: int | None = None
    cached_prompt: int = 0
    completion: int | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """Why the model stopped. `filtered`: its server withholds the rest, for `reason`. `failed`: for an error of its
    own, and may do better when it is asked again."""

    why: Literal["complete", "length", "filtered", "failed"]
    reason: str = ""


Piece = TextDelta | ToolCallDelta | Tokens | Finish


class ModelWire(Protocol):
    """A model on a server. Objects live as long as the process and serve all calls at once."""

    @property
    def who(self) -> str:
        """How a sentence about it begins, such as "The model gpt-4o of openai"."""

    @property
    def provider(self) -> str:
        """As in the assistant."""

    @property
    def model(self) -> str:
        """As in the assistant."""

    @property
    def lenient(self) -> bool:
        """Its servers may leave out why they stopped, and may answer nothing on purpose."""

    def pieces(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        """Ask, and stream what comes. The request's `said` is in its messages already.

        :raises ProviderError: by the server's status, its silence, or what it sends
        """

    async def prepare(self) -> None:
        """Open a connection."""

    async def close(self) -> None:
        """Close all connections."""
