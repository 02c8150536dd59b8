"""To which server a call's messages go: the assistant's, else the phone number's, else the organisation's.

Events carry no secrets. So what a server needs beside its URL is looked up in the call's plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.assistant.call_plan import CallPlan
from gateway.assistant.masking import MASK, without_secrets
from gateway.errors import NotFound
from gateway.messages.event import part
from gateway.plane.kept_plans import kept_plan
from gateway.settings import Settings
from gateway.store.entities import Entities, Kind
from gateway.store.organisations import organisation
from gateway.store.secrets import Secrets

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
    """What is known of the servers of one call; those with `operators` stand in the operator's own settings, and may
    be anywhere."""

    known: list[dict[str, Any]] = field(default_factory=list)
    fallback: dict[str, Any] | None = None

    def learn(self, body: Body, *, operators: bool = False) -> None:
        """An assistant that may have the call."""
        server = server_of(body)
        if server is not None:
            self.known.append({**server, "operators": True} if operators else server)

    def server(self, assistant: Body) -> dict[str, Any] | None:
        """Where messages go while this assistant has the call, as an event told it; None for nowhere."""
        told = server_of(assistant)
        if told is None:
            return self.fallback
        return next((server for server in self.known if server["url"] == told["url"]), _unmasked(told))


def _unmasked(server: dict[str, Any]) -> dict[str, Any]:
    headers = {name: value for name, value in part(server, "headers").items() if value != MASK}
    return {**server, "headers": headers} if headers or "headers" in server else server


@dataclass(frozen=True, slots=True)
class Origin:
    """Who begins a call, and where its messages go."""

    assistant: dict[str, Any]
    servers: CallServers


@dataclass(frozen=True, slots=True)
class Origins:
    """Looks up what calls are made of."""

    settings: Settings
    secrets: Secrets

    async def of(self, session: AsyncSession, organisation_id: str, call: Body, routed_to: str) -> Origin:
        """Of one call.

        :param call: Vapi's Call, as it is kept
        :param routed_to: the assistant of the settings, for a call that the settings' routes took
        """
        if routed_to in self.settings.assistants:
            return self._of_settings(routed_to)
        plan = await kept_plan(session, self.secrets, organisation_id, str(call.get("id", "")))
        if plan is not None:
            return _of_plan(plan)
        number = await _number(session, organisation_id, call.get("phoneNumberId"))
        try:
            owner: Body = (await organisation(session, organisation_id)).body
        except NotFound:
            owner = {}
        return Origin({}, CallServers(fallback=server_of(number) or server_of(owner)))

    def _of_settings(self, name: str) -> Origin:
        assistant = self.settings.assistants[name].model_dump(mode="json", by_alias=True, exclude_unset=True)
        servers = CallServers()
        servers.learn(assistant, operators=True)
        return Origin(without_secrets({"name": name, **assistant}), servers)


def _of_plan(plan: CallPlan) -> Origin:
    servers = CallServers(fallback=server_of({"server": plan.server}))
    for member in plan.members:
        servers.learn(member.assistant, operators=member.trusted)
    return Origin(without_secrets(plan.members[0].assistant), servers)


async def _number(session: AsyncSession, organisation_id: str, id_: object) -> Body:
    if not isinstance(id_, str) or not id_:
        return {}
    try:
        return (await Entities(session, organisation_id).get(Kind.PHONE_NUMBER, id_)).body
    except NotFound:
        return {}
