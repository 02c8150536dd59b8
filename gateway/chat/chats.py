"""Chats: a request is understood, answered, and kept with what it cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from fastapi import Request
from pydantic import ValidationError

from gateway.api.context import ApiContext, context_of
from gateway.assistant.assistant import Assistant
from gateway.assistant.reading import read_assistant
from gateway.assistant.section import Server
from gateway.assistant.variables import variables_of
from gateway.call.costs import costs_of
from gateway.call.prices import PriceBook
from gateway.chat.events import announce
from gateway.chat.messages import read_input, read_messages, shown
from gateway.chat.models import OrganisationModels
from gateway.chat.participant import NAMES, Participant, assistant_of, participant
from gateway.chat.talk import Delta, Talk
from gateway.chat.tool_port import ChatToolPort, Written
from gateway.conversation.templates import render
from gateway.errors import BadRequest, ConfigError, ForbiddenAddress, NotFound, ProviderError
from gateway.plane.plan_maker import PlanMaker
from gateway.providers.base import CallContext, ChatMessage
from gateway.providers.usage import UsageBook
from gateway.store.clock import clock
from gateway.store.entities import Entities, Entity, Kind
from gateway.tools.kind import Surroundings
from gateway.tools.toolbox import Toolbox
from gateway.webhooks.signing import Signer

Body = dict[str, Any]
ANSWER_SECONDS = 120.0
"""The longest that an answer takes, its tools included."""
MOST_MESSAGES = 1000
"""Of a conversation, as the model sees it."""
_KEPT = ("name", "input", "assistantOverrides", "sessionId", "previousChatId", *NAMES)


@dataclass(slots=True)
class OpenChat:
    """A request that can be answered. `before` is the conversation so far, `said` what the request adds to it."""

    id: str
    organisation_id: str
    body: Body
    who: Participant
    assistant: Assistant
    before: list[ChatMessage]
    said: list[ChatMessage]
    session: Entity | None = None
    usage: UsageBook = field(default_factory=UsageBook)
    talk: Talk | None = None
    found: Body = field(default_factory=dict)

    @property
    def session_id(self) -> str | None:
        """The session that the chat belongs to."""
        return self.session.id if self.session is not None else None


class Chats:
    """The chats of all organisations."""

    def __init__(self, context: ApiContext, models: OrganisationModels) -> None:
        self._context = context
        self._models = models
        self._maker = PlanMaker(context.settings, context.database, context.secrets)

    async def assistant_of(self, organisation_id: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The JSON of who answers in a chat or session; empty when there is nobody any more."""
        return await assistant_of(self._maker, organisation_id, body)

    async def check(self, organisation_id: str, body: Mapping[str, Any]) -> None:
        """Whether somebody answers.

        :raises BadRequest: as `open`
        """
        await participant(self._maker, organisation_id, body)

    async def open(self, organisation_id: str, body: Mapping[str, Any]) -> OpenChat:
        """Understand a request: CreateChatDTO.

        :raises BadRequest: with every problem, or because who is named is not there
        """
        said = read_input(body.get("input"))
        if body.get("sessionId") and body.get("previousChatId"):
            raise BadRequest(["sessionId and previousChatId must not be given together"])
        async with self._context.database.reading() as session:
            entities = Entities(session, organisation_id)
            earlier, before = await self._earlier(entities, body)
        named = dict(body) if any(body.get(name) for name in NAMES) else {**_naming(earlier), **_overrides(body)}
        who = await participant(self._maker, organisation_id, named)
        assistant = read_assistant(who.assistant).assistant
        of_session = earlier if earlier is not None and earlier.kind == Kind.SESSION else None
        kept = {name: body[name] for name in _KEPT if body.get(name) is not None}
        chat = OpenChat(
            id=str(uuid4()),
            organisation_id=organisation_id,
            body={**_naming(earlier), **kept},
            who=who,
            assistant=assistant,
            before=before,
            said=said,
            session=of_session,
        )
        try:
            chat.talk = await self._talk(chat)
        except (ConfigError, ForbiddenAddress) as error:
            raise BadRequest(f"The assistant's model cannot be asked: {error}") from error
        return chat

    async def _earlier(self, entities: Entities, body: Mapping[str, Any]) -> tuple[Entity | None, list[ChatMessage]]:
        """The session or chat that the request goes on from, and its messages."""
        if session_id := body.get("sessionId"):
            kept = await _named(entities, Kind.SESSION, "sessionId", session_id)
            _check_open(kept, clock.now())
            return kept, read_messages(kept.body.get("messages") or [])
        if chat_id := body.get("previousChatId"):
            kept = await _named(entities, Kind.CHAT, "previousChatId", chat_id)
            return kept, read_messages([*kept.body.get("messages", []), *kept.body.get("output", [])])
        return None, []

    # ------------------------------------------------------------ answering

    async def answer(self, chat: OpenChat) -> AsyncIterator[Delta]:
        """Make the answer; yields its text as it comes. Then `keep` it.

        :raises BadRequest: the model fails
        """
        assert chat.talk is not None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                try:
                    async for delta in chat.talk.answer():
                        yield delta
                finally:
                    await chat.talk.tools.close()
        except ProviderError as error:
            raise BadRequest(f"The assistant's model did not answer: {error}") from error
        except TimeoutError:
            raise BadRequest(f"The assistant did not answer within {ANSWER_SECONDS:.0f} s.") from None

    async def _talk(self, chat: OpenChat) -> Talk:
        assistant, call = chat.assistant, _call(chat)
        given = {**_mapping(chat.session.body.get("variableValues") if chat.session else None), **chat.who.variables}
        variables = variables_of(call, given, clock.now(), chat=True)
        messages = [
            ChatMessage(str(one.get("role", "system")), render(str(one.get("content") or ""), variables))
            for one in assistant.model.messages
        ]
        messages += [*chat.before, *chat.said][-MOST_MESSAGES:]
        port = ChatToolPort(variables, messages)
        chat.found = port.found
        around = Surroundings(
            port=port,
            client=self._context.client,
            signer=Signer(self._context.client),
            call=call,
            assistant={"name": assistant.name},
            server=assistant.server or _server(chat.who.server),
            credentials=chat.who.credentials,
        )
        providers = self._models.providers(chat.organisation_id, chat.who.credentials, shared=chat.who.shared)
        return Talk(
            model=await self._models.model(providers, assistant, trusted=chat.who.trusted),
            tools=Toolbox(assistant.model.tools, around, spawn=_spawn),
            speaker=Written(),
            messages=messages,
            context=CallContext(chat.id, call, dict(chat.who.assistant), chat.usage.add),
            turn=1 + sum(message.role == "user" for message in chat.before),
            trusted=chat.who.trusted,
        )

    # ------------------------------------------------------------ keeping

    async def keep(self, chat: OpenChat) -> Entity:
        """Write the chat down, and what it adds to its session."""
        now, output = clock.now(), chat.talk.output if chat.talk is not None else []
        rows = costs_of(chat.usage.sums, None, None, PriceBook(self._context.settings.prices))
        costs = [*(row.model_dump(mode="json") for row in rows), {"type": "chat", "cost": 0}]
        said, answered = [shown(one, now) for one in chat.said], [shown(one, now) for one in output]
        before = [shown(one, now) for one in chat.before] if chat.session is None else []
        body = {
            **chat.body,
            **({"assistantId": chat.who.assistant_id} if chat.who.assistant_id else {}),
            "messages": [*before, *said],
            "output": answered,
            "costs": costs,
            "cost": float(sum(row.cost for row in rows)),
        }
        async with self._context.database.transaction() as session:
            entities = Entities(session, chat.organisation_id)
            if chat.session is not None:
                body["messages"] = await _extend_session(entities, chat, [*said], answered)
            kept = await entities.create(Kind.CHAT, body, id=chat.id)
            server = chat.who.assistant
            await announce(session, "chat.created", kept, server)
            if chat.session is not None:
                await announce(session, "session.updated", await entities.get(Kind.SESSION, chat.session.id), server)
        return kept


def chats_of(request: Request) -> Chats:
    """The chats of this application, made with its first one."""
    state, context = request.app.state, context_of(request)
    if not hasattr(state, "models"):
        state.models = OrganisationModels(context.settings)
    return Chats(context, state.models)


async def _extend_session(entities: Entities, chat: OpenChat, said: list[Body], answered: list[Body]) -> list[Body]:
    """Add the turn to the session as it is now; returns its messages up to the answer."""
    assert chat.session is not None
    session = await entities.get(Kind.SESSION, chat.session.id)
    messages = [*(session.body.get("messages") or []), *said]
    found = {**_mapping(session.body.get("variableValues")), **chat.found}
    changes: Body = {"messages": [*messages, *answered]}
    if found:
        changes["variableValues"] = found
    await entities.update(Kind.SESSION, session.id, changes)
    return messages


def _check_open(session: Entity, now: datetime) -> None:
    seconds = session.body.get("expirationSeconds")
    if session.body.get("status") == "completed":
        raise BadRequest(["sessionId names a session that is completed"])
    if isinstance(seconds, int | float) and session.updated_at + timedelta(seconds=seconds) < now:
        raise BadRequest(["sessionId names a session that has expired"])


async def _named(entities: Entities, kind: Kind, path: str, id_: object) -> Entity:
    if not isinstance(id_, str):
        raise BadRequest([f"{path} must be a string"])
    try:
        return await entities.get(kind, id_)
    except NotFound:
        raise BadRequest([f"{path} names no {kind.value} of this organisation"]) from None


def _naming(earlier: Entity | None) -> Body:
    """Who answered in an earlier chat, or answers in a session."""
    if earlier is None:
        return {}
    return {name: earlier.body[name] for name in (*NAMES, "assistantOverrides") if earlier.body.get(name)}


def _overrides(body: Mapping[str, Any]) -> Body:
    overrides = body.get("assistantOverrides")
    return {"assistantOverrides": overrides} if isinstance(overrides, Mapping) else {}


def _call(chat: OpenChat) -> Body:
    """The chat in the place of the call that servers and templates know."""
    customer = chat.session.body.get("customer") if chat.session else chat.body.get("customer")
    call: Body = {"id": chat.id, "orgId": chat.organisation_id, "type": "chat"}
    return {**call, **({"customer": customer} if isinstance(customer, Mapping) else {})}


def _server(body: Mapping[str, Any] | None) -> Server | None:
    """The organisation's; None when it is no server."""
    known = {
        name: value for name, value in (body or {}).items() if name in ("url", "secret", "headers", "credentialId")
    }
    try:
        return Server.model_validate(known) if known.get("url") else None
    except ValidationError:
        return None


def _mapping(value: object) -> Body:
    return dict(value) if isinstance(value, Mapping) else {}


def _spawn(work: Any, *, name: str) -> asyncio.Task[Any]:
    """A tool's task: the toolbox keeps it, and `answer` closes the toolbox."""
    return asyncio.create_task(work, name=name)
