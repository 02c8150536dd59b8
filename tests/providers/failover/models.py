"""Two models of OpenAI's kind on real sockets, the second standing in for the first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from gateway.assistant.assistant import Model
from gateway.providers.base import ChatMessage, ChatRequest, LanguageModel, ReplyPart, TextDelta
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.health import Circuit
from gateway.providers.registry import Providers
from gateway.settings import FailoverSettings
from tests.providers.emulators.answers import Answer, Answering, Asked
from tests.providers.emulators.emulator import running
from tests.providers.emulators.openai_chat import OpenAiChat

SENTENCE = "The blue train leaves platform nine at half past ten, and the red one follows a quarter of an hour later."
FAILOVER = FailoverSettings(first_token_seconds=0.3, token_seconds=0.3, breaker_failures=3, breaker_seconds=10)
ASKED = ChatRequest([ChatMessage("user", "When does the train leave?")])


def going_on(asked: Asked) -> Answer:
    """The sentence; behind what was said of it, when that is among the messages."""
    said = next((text for role, text in reversed(asked.messages) if role == "assistant"), "")
    return Answer(SENTENCE.removeprefix(said))


@dataclass
class Pair:
    """:param model: both as one"""

    providers: Providers
    model: LanguageModel
    first: OpenAiChat
    second: OpenAiChat

    @property
    def circuits(self) -> list[Circuit]:
        return list(self.providers.health)


@asynccontextmanager
async def pair(
    failover: FailoverSettings = FAILOVER,
    *,
    answers: Answering = going_on,
    change: Callable[[OpenAiChat], None] | None = None,
    alone: bool = False,
) -> AsyncIterator[Pair]:
    """The pair.

    :param change: what is wrong with the first from the beginning
    :param alone: nobody stands in for the first
    """
    first, second = OpenAiChat(answers), OpenAiChat(answers)
    if change is not None:
        change(first)
    async with running(first), running(second):
        credentials = [
            Credential(provider=name, api_key=SecretStr(emulator.key), api_url=emulator.api_url)
            for name, emulator in (("openai", first), ("groq", second))
        ]
        providers = Providers(Credentials(credentials, environ={}), failover=failover)
        plan = {} if alone else {"fallbackPlan": {"models": [{"provider": "groq", "model": "llama"}]}}
        settings = Model.model_validate({"provider": "openai", "model": "gpt-4o", **plan})
        try:
            yield Pair(providers, providers.model(settings), first, second)
        finally:
            await providers.close()


@dataclass
class Reply:
    """A reply as it came, with the seconds from the request to each of its pieces."""

    parts: list[ReplyPart] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, TextDelta))

    @property
    def longest_gap(self) -> float:
        """Seconds without a piece."""
        return max(later - earlier for earlier, later in zip([0.0, *self.times], self.times, strict=False))


async def ask(model: Any, request: ChatRequest = ASKED) -> Reply:
    """A whole reply, within 5 s."""
    reply, loop = Reply(), asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(5):
        async for part in model.reply(request):
            reply.parts.append(part)
            reply.times.append(loop.time() - began)
    return reply
