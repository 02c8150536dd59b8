"""`/tool`: what a model may call."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from gateway.api.bodies import BackoffPlanBody, Body, FunctionBody, Id, JsonSchema, Name, ServerBody
from gateway.api.context import ApiContext
from gateway.api.references import missing, part
from gateway.api.resource import Resource, add_pages, resource_router
from gateway.assistant.tool_reading import read_tool
from gateway.errors import BadRequest, InvalidTool
from gateway.store.entities import Entities, Kind


class ToolMessageBody(Body):
    """What is said while a tool works."""

    type: Literal["request-start", "request-complete", "request-failed", "request-response-delayed"]
    content: str | None = Field(default=None, max_length=1000)
    blocking: bool | None = None
    timing_milliseconds: float | None = Field(default=None, ge=100, le=120_000)
    role: Literal["assistant", "system"] | None = None
    end_call_after_spoken_enabled: bool | None = None
    conditions: list[dict[str, Any]] | None = None
    contents: list[dict[str, Any]] | None = None


class ToolParameterBody(Body):
    """A value that the model does not choose."""

    key: str
    value: Any


class AliasBody(Body):
    """A variable out of a tool's answer."""

    key: str = Field(pattern=r"^[a-zA-Z][a-zA-Z0-9_]*$", max_length=40)
    value: str = Field(max_length=10_000)


class ExtractionPlanBody(Body):
    """Which variables a tool's answer sets."""

    schema_: JsonSchema | None = Field(default=None, alias="schema")
    aliases: list[AliasBody] | None = None


class ToolBody(Body):
    """What all tools have; `type` says which other fields there are."""

    type: str
    messages: list[ToolMessageBody] | None = None
    function: FunctionBody | None = None
    server: ServerBody | None = None
    rejection_plan: dict[str, Any] | None = None
    parameters: list[ToolParameterBody] | None = None
    variable_extraction_plan: ExtractionPlanBody | None = None


class FunctionToolBody(ToolBody):
    function: FunctionBody
    async_: bool | None = Field(default=None, alias="async")


class ApiRequestToolBody(ToolBody):
    name: Name | None = None
    description: str | None = None
    method: Literal["POST", "GET", "PUT", "PATCH", "DELETE"]
    url: str = Field(min_length=1, max_length=10_000)
    timeout_seconds: float | None = Field(default=None, ge=1, le=300)
    body: JsonSchema | None = None
    headers: JsonSchema | None = None
    credential_id: Id | None = None
    backoff_plan: BackoffPlanBody | None = None


class DestinationBody(Body):
    """Where a call goes."""

    type: Literal["assistant", "number", "sip", "squad", "dynamic"]
    number: str | None = Field(default=None, min_length=3, max_length=40)
    extension: str | None = Field(default=None, min_length=1, max_length=10)
    sip_uri: str | None = None
    caller_id: Name | None = None
    assistant_name: str | None = None
    description: str | None = None
    transfer_plan: dict[str, Any] | None = None


class TransferToolBody(ToolBody):
    destinations: list[DestinationBody] | None = None


class DtmfToolBody(ToolBody):
    sip_info_dtmf_enabled: bool | None = None


class VoicemailToolBody(ToolBody):
    beep_detection_enabled: bool | None = None


class SipRequestToolBody(ToolBody):
    verb: Literal["INFO", "MESSAGE", "NOTIFY"]
    headers: dict[str, Any] | None = None
    body: Any = None


class QueryToolBody(ToolBody):
    knowledge_bases: list[dict[str, Any]] | None = None


KINDS: dict[str, type[ToolBody]] = {
    "function": FunctionToolBody,
    "apiRequest": ApiRequestToolBody,
    "transferCall": TransferToolBody,
    "handoff": TransferToolBody,
    "dtmf": DtmfToolBody,
    "voicemail": VoicemailToolBody,
    "sipRequest": SipRequestToolBody,
    "query": QueryToolBody,
    "endCall": ToolBody,
    "sms": ToolBody,
    "mcp": ToolBody,
}
UNCALLED = frozenset(
    {
        "bash",
        "code",
        "computer",
        "ghl",
        "gohighlevel.calendar.availability.check",
        "gohighlevel.calendar.event.create",
        "gohighlevel.contact.create",
        "gohighlevel.contact.get",
        "google.calendar.availability.check",
        "google.calendar.event.create",
        "google.sheets.row.append",
        "make",
        "output",
        "slack.message.send",
        "textEditor",
    }
)
"""Types of Vapi's that are kept, and never called here."""


class Tools(Resource):
    kind = Kind.TOOL
    path = "/tool"
    noun = "tool"
    model = ToolBody

    def model_of(self, body: dict[str, Any]) -> type[ToolBody]:
        """By `type`."""
        type_ = body.get("type")
        if isinstance(type_, str) and type_ in UNCALLED:
            return ToolBody
        if not isinstance(type_, str) or type_ not in KINDS:
            known = ", ".join(sorted({*KINDS, *UNCALLED}))
            raise BadRequest([f"type must be one of the following values: {known}"])
        return KINDS[type_]

    async def check(
        self, body: dict[str, Any], changed: dict[str, Any], entities: Entities, context: ApiContext
    ) -> list[dict[str, Any]]:
        """Its credentials are there, and it would be called."""
        del context
        named = [
            ("credentialId", changed.get("credentialId")),
            ("server.credentialId", part(changed, "server").get("credentialId")),
        ]
        if problems := await missing(entities, Kind.CREDENTIAL, named):
            raise BadRequest(problems)
        if body["type"] in UNCALLED:
            return [{"path": "type", "message": f"Tools of type {body['type']} are kept and not called here."}]
        try:
            return [warning.shown() for warning in read_tool(body).warnings]
        except InvalidTool as error:
            raise BadRequest(error.problems) from error


def router() -> APIRouter:
    """`/tool`, and `/v2/tool` by page."""
    resource = Tools()
    routes = resource_router(resource)
    add_pages(routes, resource, "/v2/tool")
    return routes
