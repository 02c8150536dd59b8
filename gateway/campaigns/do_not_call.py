"""`/do-not-call`: numbers that are not called, by whatever call of the organisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller
from gateway.api.context import context_of
from gateway.api.documentation import body_of
from gateway.api.json_body import json_object
from gateway.api.sentences import bounded, problems_of
from gateway.campaigns.bodies import DoNotCallBody
from gateway.campaigns.number_file import read_numbers
from gateway.campaigns.numbers import listed_number
from gateway.errors import BadRequest, NotFound
from gateway.store.columns import written
from gateway.store.do_not_call import Listed, list_numbers, listed_page, unlist_number

_CSV: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}},
}
_FAULTS_SHOWN = 50


def router() -> APIRouter:
    """List, add, take off, import."""
    routes = APIRouter(tags=["do-not-call"])
    _add_list(routes)
    _add_changes(routes)
    return routes


def _add_list(routes: APIRouter) -> None:
    @routes.get("/do-not-call", summary="List numbers that are not called, by page")
    async def find_page(
        request: Request,
        caller: PrivateCaller,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
        number: Annotated[str | None, Query(description="Only this one, in whatever writing.")] = None,
    ) -> Json:
        wanted = None if number is None else listed_number(number) or ""
        async with context_of(request).database.reading() as session:
            found, total = await listed_page(
                session, caller.organisation_id, limit=limit, offset=(page - 1) * limit, number=wanted
            )
        pages = -(-total // limit)
        metadata = {
            "itemsPerPage": limit,
            "totalItems": total,
            "currentPage": page,
            "totalPages": pages,
            "hasNextPage": page < pages,
            "sortOrder": "DESC",
        }
        return Json({"results": [_shown(one) for one in found], "metadata": metadata})


def _add_changes(routes: APIRouter) -> None:
    @routes.post("/do-not-call", status_code=201, summary="Call numbers no more", openapi_extra=body_of(DoNotCallBody))
    async def add(request: Request, caller: PrivateCaller) -> Json:
        body = await json_object(request)
        if problems := problems_of(DoNotCallBody, body):
            raise BadRequest(problems)
        numbers = _numbers(body)
        async with context_of(request).database.transaction() as session:
            new = await list_numbers(session, caller.organisation_id, dict.fromkeys(numbers, body.get("reason")))
        return Json({"numbers": numbers, "added": new}, status_code=201)

    @routes.post(
        "/do-not-call/import", status_code=201, summary="Call the numbers of a CSV file no more", openapi_extra=_CSV
    )
    async def import_file(request: Request, caller: PrivateCaller) -> Json:
        try:
            text = (await request.body()).decode()
        except UnicodeDecodeError:
            raise BadRequest("The body must be a CSV file in UTF-8.") from None
        file = read_numbers(text)
        if not file.numbers:
            raise BadRequest(bounded([*file.faults]) or "The file holds no numbers.")
        async with context_of(request).database.transaction() as session:
            new = await list_numbers(session, caller.organisation_id, file.numbers)
        counts = {"numbers": len(file.numbers), "added": new, "faults": len(file.faults)}
        return Json({**counts, "errors": list(file.faults[:_FAULTS_SHOWN])}, status_code=201)

    @routes.delete("/do-not-call/{number}", summary="Call a number again")
    async def remove(request: Request, number: str, caller: PrivateCaller) -> Json:
        async with context_of(request).database.transaction() as session:
            gone = await unlist_number(session, caller.organisation_id, listed_number(number) or "")
        if gone is None:
            raise NotFound(f"{number[:80]} is not on the do-not-call list.")
        return Json(_shown(gone))


def _numbers(body: Mapping[str, Any]) -> list[str]:
    """:raises BadRequest: there is none, or one that is none"""
    given = [(f"numbers.{index}", number) for index, number in enumerate(body.get("numbers") or [])]
    given += [("number", body["number"])] if body.get("number") is not None else []
    if not given:
        raise BadRequest(["number or numbers must be set"])
    read = [(path, listed_number(number)) for path, number in given]
    if wrong := [
        f"{path} must be a number with its country code, such as +15551234567" for path, one in read if not one
    ]:
        raise BadRequest(bounded(wrong))
    return list(dict.fromkeys(number for _, number in read if number))


def _shown(listed: Listed) -> dict[str, Any]:
    shown = {"number": listed.number, "createdAt": written(listed.created_at)}
    return {**shown, "reason": listed.reason} if listed.reason else shown
