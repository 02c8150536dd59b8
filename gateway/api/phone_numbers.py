"""`/phone-number`: under which number or SIP address an assistant answers and calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from uuid import uuid4

from fastapi import APIRouter
from pydantic import Field

from gateway.api.authentication import PrivateCaller
from gateway.api.bodies import Body, Id, Name, ServerBody, number_problem
from gateway.api.context import ApiContext
from gateway.api.references import missing, part
from gateway.api.resource import Resource, add_pages, resource_router
from gateway.api.tools import DestinationBody
from gateway.errors import BadRequest
from gateway.store.entities import Entities, Entity, Kind
from gateway.store.numbers import named_credential
from gateway.store.secrets import completed, holds_sealed, without_secrets

_SIP_URI = re.compile(r"sips?:[^@\s:;?]+@[^@\s:;?]+", re.IGNORECASE)
_SEALED = "authentication"
"""The field with a secret in it."""
CARRIERS = ("twilio", "vonage", "telnyx")


class AuthenticationBody(Body):
    """With which credentials a call to a SIP address must come."""

    realm: str | None = None
    username: str = Field(min_length=20, max_length=40)
    password: str = Field(min_length=20, max_length=40)


class HookBody(Body):
    """What happens while it rings or when it ends."""

    on: Literal["call.ringing", "call.ending"]
    do: Any = None
    filters: list[dict[str, Any]] | None = None


class PhoneNumberBody(Body):
    """`byo-phone-number` is a number of your own PBX or carrier, `vapi` a SIP address."""

    provider: Literal["byo-phone-number", "vapi", "twilio", "vonage", "telnyx"]
    name: Name | None = None
    number: str | None = None
    number_e164_check_enabled: bool | None = Field(default=None, alias="numberE164CheckEnabled")
    sip_uri: str | None = None
    authentication: AuthenticationBody | None = None
    number_desired_area_code: str | None = Field(default=None, pattern=r"^\d{3}$")
    credential_id: Id | None = None
    assistant_id: Id | None = None
    squad_id: Id | None = None
    workflow_id: Id | None = None
    server: ServerBody | None = None
    fallback_destination: DestinationBody | None = None
    hooks: list[HookBody] | None = None


class PhoneNumbers(Resource):
    kind = Kind.PHONE_NUMBER
    path = "/phone-number"
    noun = "phone number"
    model = PhoneNumberBody

    def given(self, body: dict[str, Any]) -> dict[str, Any]:
        """Without what we tell of a number.

        :raises BadRequest: its password pretends to be sealed already
        """
        if holds_sealed(body.get(_SEALED)):
            raise BadRequest(["$sealed must not be a field of authentication"])
        return {name: value for name, value in super().given(body).items() if name != "status"}

    async def check(
        self, body: dict[str, Any], changed: dict[str, Any], entities: Entities, context: ApiContext
    ) -> list[dict[str, Any]]:
        """It is a number or an address, and whom it names is there."""
        del context
        problems = _address_problems(body)
        problems += await missing(entities, Kind.ASSISTANT, [("assistantId", changed.get("assistantId"))])
        problems += await missing(entities, Kind.SQUAD, [("squadId", changed.get("squadId"))])
        credentials = [
            ("credentialId", changed.get("credentialId")),
            ("server.credentialId", part(changed, "server").get("credentialId")),
            ("sipUri", named_credential(str(changed.get("sipUri") or ""))),
        ]
        problems += await missing(entities, Kind.CREDENTIAL, credentials)
        if problems:
            raise BadRequest(problems)
        return _warnings(body)

    def kept(self, body: dict[str, Any], context: ApiContext) -> dict[str, Any]:
        """A password is encrypted; a SIP address that was not chosen is made up."""
        body = {**body, **context.secrets.sealed(_secret_part(body))}
        if body.get("provider") == "vapi" and not body.get("sipUri") and not body.get("number"):
            return {**body, "sipUri": f"sip:{uuid4().hex[:12]}@{context.settings.sip.public_address or 'parley'}"}
        return body

    def shown(self, entity: Entity, context: ApiContext) -> dict[str, Any]:
        """A password is not told again."""
        shown = {**super().shown(entity, context), "status": "active"}
        if isinstance(authentication := shown.get(_SEALED), dict):
            told = without_secrets(authentication)
            shown[_SEALED] = {name: value for name, value in told.items() if name != "password"}
        return shown

    def opened(self, stored: Entity, context: ApiContext) -> dict[str, Any]:
        """With its password."""
        return {**stored.body, **context.secrets.opened(_secret_part(stored.body))}

    def merged(self, stored: dict[str, Any], sealed: Mapping[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        """Authentication that comes without its password keeps the one it has."""
        if _SEALED not in changes:
            return changes
        return {**changes, _SEALED: completed(changes[_SEALED], sealed.get(_SEALED), stored.get(_SEALED))}


def _secret_part(body: Mapping[str, Any]) -> dict[str, Any]:
    return {_SEALED: body[_SEALED]} if isinstance(body.get(_SEALED), Mapping) else {}


def _address_problems(body: dict[str, Any]) -> list[str]:
    provider, number, uri = body["provider"], body.get("number"), body.get("sipUri")
    if provider in CARRIERS:
        return [
            f"provider {provider} is not offered by this server: use byo-phone-number with a SIP trunk of the carrier"
        ]
    problems = []
    if provider == "byo-phone-number" and number is None:
        problems.append("number is required")
    if number is not None:
        fault = number_problem(number, e164=body.get("numberE164CheckEnabled") is not False)
        problems += [f"number {fault}"] if fault else []
    if uri is not None and not _SIP_URI.fullmatch(uri):
        problems.append("sipUri must be of the form sip:user@host")
    return problems


def _warnings(body: dict[str, Any]) -> list[dict[str, Any]]:
    told = []
    if body.get("numberDesiredAreaCode"):
        told.append(
            {"path": "numberDesiredAreaCode", "message": "This server sells no numbers: the area code has no effect."}
        )
    if body.get("workflowId"):
        told.append({"path": "workflowId", "message": "Workflows are not offered by this server."})
    return told


def router() -> APIRouter:
    """`/phone-number`, `/v2/phone-number` by page, and the imports that are not there yet."""
    resource = PhoneNumbers()
    routes = resource_router(resource)
    add_pages(routes, resource, "/v2/phone-number")

    @routes.post("/phone-number/import/{carrier}", summary="Import a number of a carrier", include_in_schema=False)
    async def import_number(carrier: str, _: PrivateCaller) -> None:
        raise BadRequest(
            f"Numbers of {carrier[:40]} are not imported by this server: "
            "make a byo-phone-number with a SIP trunk of the carrier."
        )

    return routes
