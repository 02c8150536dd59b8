"""`POST /cost/estimate`: what calls will cost in a month."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.analytics.price_book import prices_of
from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller
from gateway.api.bodies import Body, Id
from gateway.api.context import ApiContext, context_of
from gateway.api.documentation import body_of
from gateway.api.json_body import json_object
from gateway.api.sentences import problems_of
from gateway.assistant.reading import read_assistant
from gateway.call.estimate import Habits, PresetName, Service, estimate, preset, shown
from gateway.call.prices import Component, Price, PriceBook
from gateway.call.services import services_of
from gateway.errors import BadRequest, InvalidAssistant
from gateway.store.entities import Entities, Kind
from gateway.store.keys import KeyHolder

Tokens = Annotated[int, Field(ge=0, le=10_000_000)]
_USUAL = Habits()


class MixPart(Body):
    """A provider, the line or the platform, for its `share` of the minutes."""

    component: Component
    provider: Annotated[str, Field(max_length=255)]
    model: Annotated[str, Field(max_length=255)] = ""
    share: Annotated[float, Field(gt=0, le=1)] = 1


class EstimateBody(Body):
    """Whose calls (`assistantId`, `assistant`, a `mix` of what is paid, or a `preset` with all of it), how many minutes
    in a month, and what a minute of them uses. `prices` are looked at before the organisation's."""

    preset: PresetName | None = None
    assistant_id: Id | None = None
    assistant: dict[str, Any] | None = None
    mix: Annotated[list[MixPart], Field(min_length=1, max_length=100)] | None = None
    line: Annotated[str, Field(max_length=255)] | None = None
    minutes: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    prompt_tokens_per_minute: Tokens = _USUAL.prompt_tokens
    cached_prompt_tokens_per_minute: Tokens = _USUAL.cached_prompt_tokens
    completion_tokens_per_minute: Tokens = _USUAL.completion_tokens
    characters_per_minute: Tokens = _USUAL.characters
    prices: Annotated[list[dict[str, Any]], Field(max_length=1000)] = Field(default_factory=list)


class Estimate(BaseModel):
    """USD in a month and in a minute, from low to high."""

    model_config = ConfigDict(extra="allow")
    minutes: int
    lines: list[dict[str, Any]]
    total: dict[str, float]
    perMinute: dict[str, float]  # noqa: N815  its name on the wire
    withoutPlatform: dict[str, Any]  # noqa: N815


def router() -> APIRouter:
    """The one operation."""
    routes = APIRouter(tags=["cost"])

    @routes.post(
        "/cost/estimate",
        summary="Estimate what calls cost",
        openapi_extra=body_of(EstimateBody),
        responses={200: {"model": Estimate}},
    )
    async def estimate_cost(request: Request, caller: PrivateCaller) -> Json:
        asked = await json_object(request)
        if problems := _problems(asked):
            raise BadRequest(problems)
        return Json(await _estimated(EstimateBody.model_validate(asked), caller, context_of(request)))

    return routes


def _problems(asked: Mapping[str, Any]) -> list[str]:
    if problems := problems_of(EstimateBody, asked):
        return problems
    for index, entry in enumerate(asked.get("prices", [])):
        problems += problems_of(Price, entry, within=("prices", index))
    whose = [name for name in ("preset", "assistantId", "assistant", "mix") if asked.get(name) is not None]
    if len(whose) != 1:
        problems.append("the body must have exactly one of preset, assistantId, assistant and mix")
    if "preset" not in whose and asked.get("minutes") is None:
        problems.append("minutes is required")
    return problems


async def _estimated(body: EstimateBody, caller: KeyHolder, context: ApiContext) -> dict[str, Any]:
    own = [Price.model_validate(entry) for entry in body.prices]
    async with context.database.reading() as session:
        kept = await prices_of(session, caller.organisation_id)
        entities = Entities(session, caller.organisation_id)
        named = (await entities.get(Kind.ASSISTANT, body.assistant_id)).body if body.assistant_id else body.assistant
    case = preset(body.preset) if body.preset else None
    minutes = body.minutes or (case.minutes if case else 1)
    services = case.services if case else await _services(body, named, context)
    prices = PriceBook([*own, *(case.prices if case else ()), *kept, *context.settings.prices])
    return shown(estimate(services, minutes, _habits(body), prices), minutes)


async def _services(body: EstimateBody, named: Mapping[str, Any] | None, context: ApiContext) -> Sequence[Service]:
    if named is None:
        parts = body.mix or ()
        return [Service(one.component, one.provider, one.model, Decimal(str(one.share))) for one in parts]
    try:
        assistant = read_assistant(named).assistant
    except InvalidAssistant as error:
        raise BadRequest([f"assistant.{problem}" for problem in error.problems]) from error
    # Packages of providers are loaded, which may take a second.
    return await asyncio.to_thread(services_of, context.settings, assistant, body.line)


def _habits(body: EstimateBody) -> Habits:
    return Habits(
        body.prompt_tokens_per_minute,
        body.cached_prompt_tokens_per_minute,
        body.completion_tokens_per_minute,
        body.characters_per_minute,
    )
