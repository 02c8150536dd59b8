"""`POST /tool/{id}/test`: what a live call would send to a tool, and what would come of it. Ours, not Vapi's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request

from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller
from gateway.api.context import context_of
from gateway.api.json_body import json_object
from gateway.assistant.section import Server
from gateway.assistant.tool_reading import read_tool
from gateway.egress import guarded_client
from gateway.errors import BadRequest, ConfigError, InvalidTool
from gateway.plane.shelf import StoreShelf
from gateway.store.entities import Entities, Kind
from gateway.store.organisations import organisation
from gateway.tools.trial import try_tool

LONGEST_SECONDS = 60.0


def router() -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["tool"])

    @routes.post("/tool/{id}/test", summary="Try tool")
    async def test(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        """Body: `arguments` (what the model gives), `variables` of the call, `name` of one function of several."""
        context, asked = context_of(request), await json_object(request)
        async with context.database.reading() as session:
            entity = await Entities(session, caller.organisation_id).get(Kind.TOOL, id)
            credentials = await StoreShelf(session, caller.organisation_id, context.secrets).credentials()
            owner = await organisation(session, caller.organisation_id)
        arguments, variables = _object(asked, "arguments"), _object(asked, "variables")
        try:
            read = read_tool(entity.body)
            if read.tool is None:
                raise BadRequest([f"tools of the type {entity.body.get('type')} are kept and not called"])
            async with guarded_client(context.settings.egress.allow) as client, asyncio.timeout(LONGEST_SECONDS):
                trial = await try_tool(
                    read.tool,
                    arguments,
                    client=client,
                    name=str(asked.get("name") or ""),
                    variables=variables,
                    server=Server.read(owner.body.get("server") or {}),
                    credentials=credentials,
                )
        except InvalidTool as error:
            raise BadRequest(error.problems) from error
        except ConfigError as error:
            raise BadRequest([str(error)]) from error
        except TimeoutError:
            raise BadRequest([f"the tool took longer than {LONGEST_SECONDS:g} s"]) from None
        return Json({**trial.shown, "warnings": [warning.shown() for warning in read.warnings]})

    return routes


def _object(asked: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = asked.get(name) or {}
    if not isinstance(value, Mapping):
        raise BadRequest([f"{name} must be an object"])
    return value
