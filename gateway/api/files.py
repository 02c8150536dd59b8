"""`/file`: what assistants may know or play, uploaded as multipart/form-data."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.datastructures import FormData, UploadFile

from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller, private_key
from gateway.api.bodies import Body
from gateway.api.byte_ranges import ranged
from gateway.api.context import ApiContext, context_of
from gateway.api.documentation import body_of, entity_of
from gateway.api.file_contents import READABLE, FileContents, Kept, mimetype_of
from gateway.api.json_body import json_object, read_json
from gateway.api.listing import Listed
from gateway.api.sentences import problems_of
from gateway.errors import BadRequest, NotFound, UnsupportedMedia
from gateway.store.entities import Entities, Entity, Kind
from gateway.store.keys import KeyHolder

_METADATA_LENGTH = 4096
_NAME_LENGTH = 255
_CHUNK = 1 << 16
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"type": "string"},
                        "metadata": {"type": "string", "maxLength": _METADATA_LENGTH, "description": "JSON."},
                    },
                }
            }
        },
    }
}


class FileBody(Body):
    """A file; `url` works without a key for a week, and each answer has a new one."""

    name: str | None = Field(default=None, min_length=1, max_length=_NAME_LENGTH)
    purpose: str | None = None
    metadata: dict[str, Any] | None = None


class FileChangeBody(Body):
    """What may be changed of a file."""

    name: str | None = Field(default=None, min_length=1, max_length=_NAME_LENGTH)


def router() -> APIRouter:
    """`/file`, `/file/upload` and `/file/{id}/content`."""
    routes = APIRouter(tags=["file"])
    _add_upload(routes)
    _add_one(routes)
    _add_content(routes)

    @routes.get("/file", summary="List files", responses={200: entity_of(FileBody, "file", many=True)})
    async def find_all(
        request: Request, query: Listed, caller: PrivateCaller, purpose: Annotated[str | None, Query()] = None
    ) -> Json:
        context = context_of(request)
        wanted = replace(query, where={"purpose": purpose})
        async with context.database.reading() as session:
            found = await Entities(session, caller.organisation_id).list(Kind.FILE, wanted)
        return Json([_shown(entity, context) for entity in found])

    return routes


def _add_upload(routes: APIRouter) -> None:
    answer: dict[int | str, dict[str, Any]] = {201: entity_of(FileBody, "file")}

    @routes.post("/file/upload", status_code=201, include_in_schema=False)
    @routes.post("/file", status_code=201, summary="Upload file", openapi_extra=_UPLOAD, responses=answer)
    async def upload(request: Request, caller: PrivateCaller) -> Json:
        context = context_of(request)
        if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            raise UnsupportedMedia("The body must be multipart/form-data with a field file.")
        async with request.form(max_files=1, max_fields=20) as form:
            return Json(await _kept(form, caller, context), status_code=201)


async def _kept(form: FormData, caller: KeyHolder, context: ApiContext) -> dict[str, Any]:
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise BadRequest(["file must be a file"])
    name = (upload.filename or "file").replace("\0", "")[:_NAME_LENGTH]
    described = {"purpose": _text(form, "purpose"), "metadata": _metadata(_text(form, "metadata"))}
    id_ = str(uuid4())
    async with _content(context, id_):
        kept = await asyncio.to_thread(_contents(context).keep, id_, upload.file, name)
        async with context.database.transaction() as session:
            body = {**_described(kept, name), **described}
            entity = await Entities(session, caller.organisation_id).create(Kind.FILE, body, id=id_)
    return _shown(entity, context)


@contextlib.asynccontextmanager
async def _content(context: ApiContext, id_: str) -> AsyncIterator[None]:
    """What is written stays only when the block ends well."""
    try:
        yield
    except BaseException:
        _contents(context).remove(id_)
        raise


def _described(kept: Kept, name: str) -> dict[str, Any]:
    body = {
        "object": "file",
        "status": "done",
        "name": name,
        "originalName": name,
        "bytes": kept.size,
        "mimetype": kept.mimetype,
    }
    return {**body, "parsedTextBytes": kept.size} if kept.mimetype in READABLE else body


def _text(form: FormData, name: str) -> str | None:
    value = form.get(name)
    if value is not None and (not isinstance(value, str) or "\0" in value or len(value) > _METADATA_LENGTH):
        raise BadRequest([f"{name} must be a text of at most {_METADATA_LENGTH} characters"])
    return value if isinstance(value, str) else None


def _metadata(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = read_json(text.encode("utf-8", "surrogatepass"))
    except BadRequest:
        value = None
    if not isinstance(value, dict):
        raise BadRequest(["metadata must be a JSON object"])
    return value


def _add_one(routes: APIRouter) -> None:
    answer: dict[int | str, dict[str, Any]] = {200: entity_of(FileBody, "file")}

    @routes.get("/file/{id}", summary="Get file", responses=answer)
    async def get(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        async with context.database.reading() as session:
            return Json(_shown(await Entities(session, caller.organisation_id).get(Kind.FILE, id), context))

    @routes.patch("/file/{id}", summary="Rename file", responses=answer, openapi_extra=body_of(FileChangeBody))
    async def update(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        changes = await json_object(request)
        if problems := problems_of(FileChangeBody, changes):
            raise BadRequest(problems)
        name = {"name": changes["name"]} if changes.get("name") else {}
        async with context.database.transaction() as session:
            return Json(_shown(await Entities(session, caller.organisation_id).update(Kind.FILE, id, name), context))

    @routes.delete("/file/{id}", summary="Delete file", responses=answer)
    async def delete(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        async with context.database.transaction() as session:
            entity = await Entities(session, caller.organisation_id).delete(Kind.FILE, id)
        await asyncio.to_thread(_contents(context).remove, entity.id)
        return Json(_shown(entity, context))


def _add_content(routes: APIRouter) -> None:
    @routes.head("/file/{id}/content", include_in_schema=False)
    @routes.get("/file/{id}/content", summary="Content of file")
    async def content(request: Request, id: str) -> Response:  # noqa: A002
        context = context_of(request)
        if not context.signer.holds(request.url.path, request.query_params):
            caller = await private_key(request)
            async with context.database.reading() as session:
                id = (await Entities(session, caller.organisation_id).get(Kind.FILE, id)).id  # noqa: A001
        return await _sent(request, context, id)


async def _sent(request: Request, context: ApiContext, id_: str) -> Response:
    path = _contents(context).path(id_)
    try:
        size, mimetype = await asyncio.to_thread(_looked_at, path)
    except FileNotFoundError:
        raise NotFound(f"The content of file {id_!r} is not on this machine.") from None
    answer = ranged(request, size, functools.partial(_read, path), media_type=mimetype, filename=id_)
    # A page that somebody uploaded must not run in the name of this server.
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def _looked_at(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, mimetype_of(file.read(512), "")


def _read(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (chunk := file.read(min(_CHUNK, end - start))):
            start += len(chunk)
            yield chunk


def _contents(context: ApiContext) -> FileContents:
    return FileContents(context.settings.data_dir, context.settings.api.upload_megabytes * 1_000_000)


def _shown(entity: Entity, context: ApiContext) -> dict[str, Any]:
    url = context.signer.signed_url(f"/file/{entity.id}/content")
    texts = {"parsedTextUrl": url} if "parsedTextBytes" in entity.body else {}
    return {**entity.shown(), "url": url, **texts}
