"""To which server a call's messages go: the assistant's, else the phone number's, else the organisation's.

Events carry no secrets. So what a server needs beside its URL is looked up in what the call was made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.assistant.masking import MASK, without_secrets
from gateway.assistant.merging import with_overrides
from gateway.errors import NotFound
from gateway.messages.event import listed, part
from gateway.settings import Settings
from gateway.store.entities import Entities, Kind
from gateway.store.organisations import organisation

Body = Mapping[str, Any]
_FIELDS = ("url", "timeoutSeconds", "headers", "secret", "credentialId", "backoffPlan")


def server_of(body: Body) -> dict[str, Any] | None:
    """The server of an assistant or phone number, also where it stands in Vapi's older fields."""
    server = part(body, "server")
    found = {name: server[name] for name in _FIELDS if server.get(name) is not None}
    if not found.get("url") and isinstance(body.get("serverUrl"), str):
        found["url"] = body["serverUrl"]
    if not isinstance(found.get("url"), str) or not found["url"]:
        return None
    if isinstance(body.get("serverUrlSecret"), str):
        found.setdefault("secret", body["serverUrlSecret"])
    return found


@dataclass(slots=True)
class CallServers:
    """What is known of the servers of one call. `operators`: they stand in the operator's own settings, and may be
    anywhere."""

    known: list[dict[str, Any]] = field(default_factory=list)
    fallback: dict[str, Any] | None = None
    operators: bool = False

    def learn(self, body: Body) -> None:
        """An assistant, or overrides of one, that the call is made of."""
        server = server_of(body)
        if server is not None:
            self.known.append(server)

    def server(self, assistant: Body) -> dict[str, Any] | None:
        """Where messages go while this assistant has the call, as an event told it; None for nowhere."""
        told = server_of(assistant)
        if told is None:
            found = self.fallback
        else:
            found = next((server for server in self.known if server["url"] == told["url"]), _unmasked(told))
        return found and {**found, **({"operators": True} if self.operators else {})}


def _unmasked(server: dict[str, Any]) -> dict[str, Any]:
    headers = {name: value for name, value in part(server, "headers").items() if value != MASK}
    return {**server, "headers": headers}


@dataclass(frozen=True, slots=True)
class Origin:
    """Who begins a call, and where its messages go."""

    assistant: dict[str, Any]
    servers: CallServers


async def origin_of(session: AsyncSession, organisation_id: str, call: Body, name: str, settings: Settings) -> Origin:
    """Look up what a call is made of.

    :param call: Vapi's Call, with the assistant or squad that it was made with
    :param name: the assistant of the settings, for a call that the settings' routes took
    """
    if name in settings.assistants:
        return _of_settings(name, settings)
    entities, servers = Entities(session, organisation_id), CallServers()
    first = await _first(entities, call, servers)
    number = await entity_body(entities, Kind.PHONE_NUMBER, call.get("phoneNumberId"))
    try:
        owner: Body = (await organisation(session, organisation_id)).body
    except NotFound:
        owner = {}
    servers.fallback = server_of(number) or server_of(owner)
    return Origin(without_secrets(first), servers)


def _of_settings(name: str, settings: Settings) -> Origin:
    assistant = settings.assistants[name].model_dump(mode="json", by_alias=True, exclude_unset=True)
    servers = CallServers(operators=True)
    servers.learn(assistant)
    return Origin(without_secrets({"name": name, **assistant}), servers)


async def _first(entities: Entities, call: Body, servers: CallServers) -> dict[str, Any]:
    """The assistant that begins, with its overrides."""
    assistant = part(call, "assistant") or await entity_body(entities, Kind.ASSISTANT, call.get("assistantId"))
    overrides = [part(call, "assistantOverrides")]
    squad = part(call, "squad") or await entity_body(entities, Kind.SQUAD, call.get("squadId"))
    for number, member in enumerate(listed(squad, "members")):
        body = part(member, "assistant") or await entity_body(entities, Kind.ASSISTANT, member.get("assistantId"))
        own = [part(member, "assistantOverrides"), part(squad, "membersOverrides"), part(call, "squadOverrides")]
        servers.learn(_merged(body, own))
        if number == 0 and not assistant:
            assistant, overrides = body, [*own, *overrides]
    merged = _merged(assistant, overrides)
    servers.known.reverse()
    servers.learn(merged)
    servers.known.reverse()
    return merged


def _merged(body: Body, overrides: list[Body]) -> dict[str, Any]:
    merged = dict(body)
    for one in overrides:
        merged = with_overrides(merged, one)
    return merged


async def entity_body(entities: Entities, kind: Kind, id_: object) -> Body:
    """What is kept under an id; empty where nothing is."""
    if not isinstance(id_, str) or not id_:
        return {}
    try:
        return (await entities.get(kind, id_)).body
    except NotFound:
        return {}
