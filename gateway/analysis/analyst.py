"""A model that is asked about a call when it is over, without haste and without a voice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from gateway.assistant.assistant import WRITING_MODEL, Model, speaks_by_itself
from gateway.assistant.provider_settings import ProviderSettings
from gateway.egress.connections import guarded_connections
from gateway.egress.guard import check_url
from gateway.errors import ParleyError, ProviderError
from gateway.providers.base import CallContext, ChatMessage, ChatRequest, LanguageModel, TextDelta
from gateway.providers.registry import Providers
from gateway.providers.usage import UsageBook

logger = structlog.get_logger(__name__)

_EMBEDDED = "dialogue"
_LEAST_TOKENS = 1000
"""A call's data is longer than a spoken answer, which is what an assistant's `maxTokens` is for."""


class NoAnswer(ParleyError):
    """No model answered; says why."""


class Asks(Protocol):
    """Whoever answers questions about a call."""

    async def ask(self, messages: Sequence[ChatMessage], kind: str, seconds: float) -> str:
        """The answer to these messages.

        :param kind: what the tokens are counted for, Vapi's `analysisType`
        :raises NoAnswer: none came in time
        """
        ...


@dataclass(slots=True)
class Analyst:
    """Asks an assistant's model, and where it fails those that stand in for it. `usage` has what that took.

    :param allow: addresses besides public ones where a model may be; None for any, which is for the operator's own
    """

    providers: Providers
    model: Model
    allow: Sequence[str] | None = None
    usage: dict[str, UsageBook] = field(default_factory=dict)

    async def ask(self, messages: Sequence[ChatMessage], kind: str, seconds: float) -> str:
        """As `Asks`."""
        book = self.usage.setdefault(kind, UsageBook())
        request = ChatRequest(messages, context=CallContext(meter=book.add))
        reason = "the embedded dialogue answers nothing but its callers; name a language model"
        try:
            async with asyncio.timeout(seconds):
                for settings in map(_writing, self.model.chain):
                    if settings.provider == _EMBEDDED:
                        continue
                    try:
                        return await self._answer(settings, request)
                    except ProviderError as error:
                        reason = str(error)
                        logger.info("analysis failed", provider=settings.provider, error=reason)
        except TimeoutError:
            raise NoAnswer(f"no answer within {seconds:g} s") from None
        except ParleyError as error:
            raise NoAnswer(str(error)) from error
        raise NoAnswer(reason)

    async def _answer(self, settings: ProviderSettings, request: ChatRequest) -> str:
        if self.allow is not None and isinstance(url := settings.options.get("url"), str):
            await check_url(url, self.allow)
        made: Any = await asyncio.to_thread(self.providers.make, "model", settings)
        model: LanguageModel = made
        with guarded_connections() if self.allow is not None else nullcontext():
            async with aclosing(model.reply(request)) as parts:  # type: ignore[type-var]  # every model is a generator
                pieces = [part.text async for part in parts if isinstance(part, TextDelta)]
        return "".join(pieces).strip()

    def rows(self) -> list[dict[str, Any]]:
        """What was used, a row for each kind of question and model."""
        return [{"analysisType": kind, **row} for kind, book in self.usage.items() for row in book.rows()]


def _writing(settings: ProviderSettings) -> ProviderSettings:
    """The settings for a long and sober answer in writing."""
    options = settings.options
    if speaks_by_itself(settings.provider, str(options.get("model", ""))):
        return ProviderSettings.model_validate(WRITING_MODEL)
    given = options.get("maxTokens")
    if isinstance(given, int | float) and given < _LEAST_TOKENS:
        options["maxTokens"] = _LEAST_TOKENS
    return ProviderSettings.model_validate({"provider": settings.provider, **options})
