"""`/credential`: keys of providers, carriers and servers. What is secret in them is taken and never told again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from gateway.api.answers import Json
from gateway.api.authentication import PrivateCaller
from gateway.api.bodies import Body, HttpUrl, Name
from gateway.api.context import ApiContext, context_of
from gateway.api.references import items
from gateway.api.resource import Resource, resource_router
from gateway.api.sentences import problems_of
from gateway.errors import BadRequest
from gateway.plane.credential_trunks import PROVIDER, NoTrunk, credential_trunk, without_effect
from gateway.plane.v1.plane_pb2 import TrunkStatus
from gateway.store.columns import written
from gateway.store.entities import Entities, Entity, Kind
from gateway.store.secrets import completed, holds_sealed, without_secrets

Secret = Annotated[str, Field(min_length=1, max_length=10_000)]


class OAuth2Body(Body):
    type: Literal["oauth2"]
    url: HttpUrl
    client_id: str
    client_secret: Secret
    scope: str | None = None


class HmacBody(Body):
    type: Literal["hmac"]
    secret_key: Secret
    algorithm: Literal["sha1", "sha256", "sha512"]
    signature_header: str | None = None
    timestamp_header: str | None = None
    signature_prefix: str | None = None
    include_timestamp: bool | None = None
    payload_format: str | None = None
    message_id_header: str | None = None
    signature_encoding: Literal["hex", "base64"] | None = None
    secret_is_base64: bool | None = Field(default=None, alias="secretIsBase64")


class BearerBody(Body):
    type: Literal["bearer"]
    token: Secret
    header_name: str | None = None
    bearer_prefix_enabled: bool | None = None


PLANS: Mapping[str, type[Body]] = {"oauth2": OAuth2Body, "hmac": HmacBody, "bearer": BearerBody}


class TrunkGatewayBody(Body):
    """An address of a SIP trunk."""

    ip: str = Field(min_length=1, max_length=255)
    port: int | None = Field(default=None, ge=1, le=65535)
    netmask: int | None = Field(default=None, ge=24, le=32)
    inbound_enabled: bool | None = None
    outbound_enabled: bool | None = None
    outbound_protocol: Literal["udp", "tcp", "tls", "tls/srtp"] | None = None
    options_ping_enabled: bool | None = None


class RegisterPlanBody(Body):
    domain: str | None = None
    username: str | None = None
    realm: str | None = None


class TrunkAuthenticationBody(Body):
    auth_username: str | None = None
    auth_password: str | None = None
    sip_register_plan: RegisterPlanBody | None = None


class CredentialBody(Body):
    """`provider` says which other fields there are. `redirect` of a trunk is ours."""

    provider: str
    name: Name | None = None
    api_key: Secret | None = None
    api_secret: Secret | None = None
    auth_token: Secret | None = None
    account_sid: str | None = None
    api_url: HttpUrl | None = None
    gateways: list[TrunkGatewayBody] | None = None
    outbound_authentication_plan: TrunkAuthenticationBody | None = None
    outbound_leading_plus_enabled: bool | None = None
    tech_prefix: str | None = None
    sip_diversion_header: str | None = None
    redirect: Literal[302, "dial"] | None = None
    authentication_plan: dict[str, Any] | None = None


_WITH_API_KEY = (
    "anthropic anyscale assembly-ai cartesia cerebras deepgram deepinfra deep-seek 11labs gladia gohighlevel google "
    "groq hume inflection-ai inworld lmnt microsoft mistral neuphonic openai openrouter perplexity-ai rime-ai runpod "
    "smallest-ai soniox speechmatics tavus together-ai wellsaid xai"
)
REQUIRED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_WITH_API_KEY.split(), ("apiKey",)),
    "anthropic-bedrock": ("region", "authenticationPlan"),
    "azure": ("service",),
    "azure-openai": ("region", "models", "openAIKey", "openAIEndpoint"),
    "byo-sip-trunk": ("gateways",),
    "cloudflare": (),
    "custom-credential": ("authenticationPlan",),
    "custom-llm": (),
    "email": ("email",),
    "gcp": ("gcpKey",),
    "ghl.oauth2-authorization": (),
    "google.calendar.oauth2-authorization": ("authorizationId",),
    "google.calendar.oauth2-client": (),
    "google.sheets.oauth2-authorization": ("authorizationId",),
    "langfuse": ("publicKey", "apiKey", "apiUrl"),
    "make": ("teamId", "region", "apiKey"),
    "minimax": ("apiKey", "groupId"),
    "playht": ("apiKey", "userId"),
    "s3": ("awsAccessKeyId", "awsSecretAccessKey", "region", "s3BucketName"),
    "s3-compatible": ("bucketPlan",),
    "slack-webhook": ("webhookUrl",),
    "slack.oauth2-authorization": ("authorizationId",),
    "supabase": (),
    "twilio": ("accountSid",),
    "vonage": ("apiKey", "apiSecret"),
    "webhook": ("authenticationPlan",),
}
"""Of each provider."""


class CredentialsOfOrganisation(Resource):
    kind = Kind.CREDENTIAL
    path = "/credential"
    noun = "credential"
    model = CredentialBody

    def given(self, body: dict[str, Any]) -> dict[str, Any]:
        """:raises BadRequest: it pretends to hold what is sealed already"""
        if holds_sealed(body):
            raise BadRequest(["$sealed must not be a field of a credential"])
        return super().given(body)

    def opened(self, stored: Entity, context: ApiContext) -> dict[str, Any]:
        """With its secrets."""
        return context.secrets.opened(stored.body)

    def merged(self, stored: dict[str, Any], sealed: Mapping[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        """An object that comes without its secret keeps the one it has."""
        return {name: completed(value, sealed.get(name), stored.get(name)) for name, value in changes.items()}

    def kept(self, body: dict[str, Any], context: ApiContext) -> dict[str, Any]:
        """Secrets encrypted."""
        return context.secrets.sealed(body)

    def shown(self, entity: Entity, context: ApiContext) -> dict[str, Any]:
        """Without them."""
        del context
        return without_secrets(entity.shown())

    def committed(self, context: ApiContext) -> None:
        """Gateways register at a trunk, or leave it."""
        context.plane.trunks_changed()

    async def check(
        self, body: dict[str, Any], changed: dict[str, Any], entities: Entities, context: ApiContext
    ) -> list[dict[str, Any]]:
        """It has what its provider needs."""
        del changed, entities, context
        provider = body["provider"]
        if provider not in REQUIRED:
            raise BadRequest([f"provider must be one of the following values: {', '.join(sorted(REQUIRED))}"])
        problems = [f"{name} is required" for name in REQUIRED[provider] if body.get(name) in (None, "", [])]
        plan = body.get("authenticationPlan")
        if provider in ("webhook", "custom-credential", "custom-llm") and isinstance(plan, dict):
            problems += _plan_problems(plan)
        if provider == "twilio" and not body.get("authToken") and not (body.get("apiKey") and body.get("apiSecret")):
            problems.append("authToken is required, or apiKey and apiSecret")
        if provider == "custom-llm" and not body.get("apiKey") and plan is None:
            problems.append("apiKey is required, or an authenticationPlan")
        problems += [
            f"{path} must have an ip" for path, one in items(body.get("gateways"), "gateways") if not one.get("ip")
        ]
        if problems:
            raise BadRequest(problems)
        return _checked_trunk(body) if provider == PROVIDER else []


def _checked_trunk(body: dict[str, Any]) -> list[dict[str, Any]]:
    """What in a SIP trunk has no effect. :raises BadRequest: it cannot be used"""
    try:
        credential_trunk("new", "", body)
    except NoTrunk as error:
        raise BadRequest(error.problems) from error
    return [{"path": path, "message": message} for path, message in without_effect(body)]


def _plan_problems(plan: dict[str, Any]) -> list[str]:
    model = PLANS.get(str(plan.get("type")))
    if model is None:
        return [f"authenticationPlan.type must be one of the following values: {', '.join(PLANS)}"]
    return problems_of(model, plan, within=("authenticationPlan",))


def router() -> APIRouter:
    """`/credential`."""
    routes = resource_router(CredentialsOfOrganisation())
    _add_status(routes)
    return routes


def _add_status(routes: APIRouter) -> None:
    @routes.get("/credential/{id}/status", summary="How the SIP trunk of a credential does")
    async def status(request: Request, id: str, caller: PrivateCaller) -> Json:  # noqa: A002
        context = context_of(request)
        async with context.database.reading() as session:
            entity = await Entities(session, caller.organisation_id).get(Kind.CREDENTIAL, id)
        if entity.body.get("provider") != PROVIDER:
            raise BadRequest([f"provider must be {PROVIDER}: only a trunk has a status"])
        known = context.plane.trunk_statuses(entity.id)
        return Json({"gateways": [_shown_status(name, one) for name, one in sorted(known.items())]})


def _shown_status(gateway: str, status: TrunkStatus) -> dict[str, Any]:
    shown = {"gateway": gateway, "status": status.condition, "since": written(_wall_clock(status.since_ms))}
    if status.last_error:
        shown |= {"lastError": status.last_error, "lastErrorAt": written(_wall_clock(status.error_at_ms))}
    return shown


def _wall_clock(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
