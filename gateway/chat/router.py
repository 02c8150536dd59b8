"""`/chat`: an assistant answers by text, at once or as a stream of server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from gateway.api.answers import Json
from gateway.api.authentication import AnyCaller, PrivateCaller
from gateway.api.bodies import Body, Id
from gateway.api.context import ApiContext, context_of
from gateway.api.documentation import body_of, entity_of, page_of
from gateway.api.json_body import json_object
from gateway.api.listing import Paged
from gateway.api.sentences import problems_of
from gateway.chat.chats import Chats, OpenChat, chats_of
from gateway.chat.events import announce
from gateway.chat.streams import openai_events, response, vapi_events
from gateway.errors import BadRequest
from gateway.store.entities import Entities, Entity, Kind
from gateway.store.keys import KeyHolder


class ChatBody(Body):
    """`input` is a text of the user's, or messages."""

    input: str | list[dict[str, Any]]
    name: str | None = Field(default=None, max_length=40)
    stream: bool | None = None
    assistant_id: Id | None = None
    assistant: dict[str, Any] | None = None
    assistant_overrides: dict[str, Any] | None = None
    squad_id: Id | None = None
    squad: dict[str, Any] | None = None
    session_id: Id | None = None
    previous_chat_id: Id | None = None


class WebChatBody(Body):
    """Of a web page, with a public key: what it may change of an assistant that is kept are the variables."""

    input: str | list[dict[str, Any]]
    stream: bool | None = None
    assistant_id: Id | None = None
    session_id: Id | None = None
    session_expiration_seconds: float | None = Field(default=None, ge=60, le=2_592_000)
    assistant_overrides: dict[str, Any] | None = None
    customer: dict[str, Any] | None = None
    session_end: bool | None = None


def router() -> APIRouter:
    """All of `/chat`."""
    routes = APIRouter(tags=["chat"])
    _add_answers(routes)
    _add_web(routes)
    _add_kept(routes)
    return routes


def _add_answers(routes: APIRouter) -> None:
    @routes.post(
        "/chat",
        status_code=201,
        summary="Chat",
        openapi_extra=body_of(ChatBody),
        responses={201: entity_of(ChatBody, "chat")},
    )
    async def create(request: Request, caller: PrivateCaller) -> Response:
        body = await _body(request, ChatBody)
        chats = chats_of(request)
        chat = await chats.open(caller.organisation_id, body)
        if body.get("stream"):
            return _stream(vapi_events(chats, chat))
        return Json((await _answered(chats, chat)).shown(), status_code=201)

    @routes.post("/chat/responses", summary="Chat, as OpenAI's Responses", openapi_extra=body_of(ChatBody))
    async def respond(request: Request, caller: PrivateCaller) -> Response:
        body = await _body(request, ChatBody)
        if (previous := body.get("previous_response_id")) is not None:
            body.setdefault("previousChatId", previous)
        chats = chats_of(request)
        chat = await chats.open(caller.organisation_id, body)
        if body.get("stream"):
            return _stream(openai_events(chats, chat))
        return Json(response(await _answered(chats, chat)))


def _add_web(routes: APIRouter) -> None:
    @routes.post("/chat/web", status_code=201, summary="Chat of a web page", openapi_extra=body_of(WebChatBody))
    async def create_web(request: Request, caller: AnyCaller) -> Response:
        body, chats = await _body(request, WebChatBody), chats_of(request)
        prepared = await _in_session(context_of(request), chats, caller, _web(body))
        chat = await chats.open(caller.organisation_id, prepared)
        if body.get("stream"):
            return _stream(vapi_events(chats, chat))
        kept = await _answered(chats, chat)
        if body.get("sessionEnd"):
            async with context_of(request).database.transaction() as session:
                entities = Entities(session, caller.organisation_id)
                await entities.update(Kind.SESSION, prepared["sessionId"], {"status": "completed"})
        told = {"id": kept.id, "sessionId": chat.session_id, "output": kept.body["output"]}
        return Json(told, status_code=201)


def _add_kept(routes: APIRouter) -> None:
    answer: dict[int | str, dict[str, Any]] = {200: entity_of(ChatBody, "chat")}

    @routes.get("/chat", summary="List chat, by page", responses={200: page_of(ChatBody, "chat")})
    async def find_page(
        request: Request,
        page: Paged,
        caller: PrivateCaller,
        id: str | None = None,  # noqa: A002
        assistant_id: Annotated[str | None, Query(alias="assistantId")] = None,
        squad_id: Annotated[str | None, Query(alias="squadId")] = None,
        session_id: Annotated[str | None, Query(alias="sessionId")] = None,
        previous_chat_id: Annotated[str | None, Query(alias="previousChatId")] = None,
    ) -> Json:
        wanted = page.where(
            assistant_id=assistant_id, squad_id=squad_id, session_id=session_id, previous_chat_id=previous_chat_id
        ).ids([id] if id else None)
        async with context_of(request).database.reading() as session:
            entities = Entities(session, caller.organisation_id)
            found, total = await entities.page(Kind.CHAT, wanted.query, page.number)
        return Json(wanted.shown([entity.shown() for entity in found], total))

    @routes.get("/chat/{id}", summary="Get chat", responses=answer)
    async def get(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        async with context_of(request).database.reading() as session:
            return Json((await Entities(session, caller.organisation_id).get(Kind.CHAT, id)).shown())

    @routes.delete("/chat/{id}", summary="Delete chat", responses=answer)
    async def delete(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        async with context.database.reading() as session:
            body = (await Entities(session, caller.organisation_id).get(Kind.CHAT, id)).body
        assistant = await chats_of(request).assistant_of(caller.organisation_id, body)
        async with context.database.transaction() as session:
            kept = await Entities(session, caller.organisation_id).delete(Kind.CHAT, id)
            await announce(session, "chat.deleted", kept, assistant)
        return Json(kept.shown())


async def _answered(chats: Chats, chat: OpenChat) -> Entity:
    async for _ in chats.answer(chat):
        continue
    return await chats.keep(chat)


async def _body(request: Request, model: type[Body]) -> dict[str, Any]:
    body = {name: value for name, value in (await json_object(request)).items() if value is not None}
    if problems := problems_of(model, body):
        raise BadRequest(problems)
    return body


def _web(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a web page may say of who answers. An assistant of its own could send the organisation's keys anywhere."""
    if "assistant" in body or "squad" in body:
        raise BadRequest(["assistant must be a kept one: name it by assistantId"])
    variables = (body.get("assistantOverrides") or {}).get("variableValues")
    changes = {"assistantOverrides": {"variableValues": variables}} if variables else {}
    names = ("input", "assistantId", "sessionId", "customer", "sessionExpirationSeconds")
    return {name: body[name] for name in names if name in body} | changes


async def _in_session(context: ApiContext, chats: Chats, caller: KeyHolder, body: dict[str, Any]) -> dict[str, Any]:
    """A web chat always belongs to a session."""
    seconds, customer = body.pop("sessionExpirationSeconds", None), body.pop("customer", None)
    if body.get("sessionId"):
        return body
    made = {
        "status": "active",
        "assistantId": body.get("assistantId"),
        "assistantOverrides": body.get("assistantOverrides"),
        "expirationSeconds": seconds,
        "customer": customer,
    }
    await chats.check(caller.organisation_id, made)
    async with context.database.transaction() as session:
        kept = await Entities(session, caller.organisation_id).create(Kind.SESSION, made)
    return {**body, "sessionId": kept.id}


def _stream(events: AsyncIterator[bytes]) -> StreamingResponse:
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)
