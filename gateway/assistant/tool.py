"""The tools that a model may use: Vapi's types, with Vapi's field names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidatorFunctionWrapHandler
from pydantic import WrapValidator as _Wrap
from pydantic_core import PydanticCustomError

from gateway.assistant.section import BackoffPlan, Section, Server
from gateway.assistant.tool_message import ToolMessage
from gateway.assistant.tool_plan import RejectionPlan, VariableExtractionPlan

Schema = dict[str, Any]
"""A JSON schema."""


def _no_parameters() -> Schema:
    return {"type": "object", "properties": {}}


class ToolFunction(Section):
    """What the model is told of a tool. `strict` is passed on to models that know it."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str = ""
    parameters: Schema = Field(default_factory=_no_parameters)
    strict: bool = False


class FunctionChanges(Section):
    """What is told of a tool that describes itself: only what is given here replaces that."""

    name: str | None = Field(default=None, pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str | None = None
    parameters: Schema | None = None
    strict: bool = False


class ToolParameter(Section):
    """A value that goes into every request, whatever the model says; texts in it may be templates."""

    key: str
    value: Any


class ToolBase(Section):
    """What all tools have. The first four fields are those of a stored tool."""

    id: str | None = None
    org_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    type: str
    messages: list[ToolMessage] = Field(default_factory=list)
    rejection_plan: RejectionPlan | None = None
    function: FunctionChanges | None = None
    server: Server | None = None


class FunctionTool(ToolBase):
    """A function that the user's server carries out: it gets Vapi's `tool-calls`."""

    type: Literal["function"] = "function"
    function: ToolFunction | None = None  # type: ignore[assignment]  # described in full, or not offered to the model
    asynchronous: bool = Field(default=False, alias="async")
    parameters: list[ToolParameter] = Field(default_factory=list)
    variable_extraction_plan: VariableExtractionPlan | None = None


class ApiRequestTool(ToolBase):
    """One HTTP request; the model fills in what the schemas of `body` and `headers` leave open."""

    type: Literal["apiRequest"]
    name: str = Field(default="", pattern=r"^[a-zA-Z0-9_-]{0,40}$")
    description: str = ""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    url: str = Field(min_length=1)
    body: Schema | None = None
    headers: Schema | None = None
    timeout_seconds: float = Field(default=20, ge=1, le=300)
    credential_id: str | None = None
    backoff_plan: BackoffPlan | None = None
    parameters: list[ToolParameter] = Field(default_factory=list)
    variable_extraction_plan: VariableExtractionPlan | None = None


class EndCallTool(ToolBase):
    type: Literal["endCall"]


class DtmfTool(ToolBase):
    """Presses keys: by RFC 4733, or by SIP INFO."""

    type: Literal["dtmf"]
    sip_info_dtmf_enabled: bool = False


class PauseRecordingTool(ToolBase):
    """Pauses the recording, before the caller says or presses what is confidential. Parley's own."""

    type: Literal["pauseRecording"]


class ResumeRecordingTool(ToolBase):
    """Lets it go on. Parley's own."""

    type: Literal["resumeRecording"]


class RecordingConsentTool(ToolBase):
    """Takes the caller's answer: of the session alone that asks for consent."""

    type: Literal["recordingConsent"] = "recordingConsent"


class TransferSuccessfulTool(ToolBase):
    """Whom the call is transferred to takes it: of a transfer assistant alone."""

    type: Literal["transferSuccessful"] = "transferSuccessful"


class TransferCancelTool(ToolBase):
    """They do not, or nobody is there: of a transfer assistant alone."""

    type: Literal["transferCancel"] = "transferCancel"


class SmsTool(ToolBase):
    """Sends a text message from the call's Twilio number to the caller."""

    type: Literal["sms"]


class VoicemailTool(ToolBase):
    """Leaves the assistant's `voicemailMessage` and hangs up."""

    type: Literal["voicemail"]
    beep_detection_enabled: bool = False


class SipRequestTool(ToolBase):
    """A request inside the SIP dialog of the call. `headers` and `body` are schemas that the model fills in; a body
    that is text goes out as it is."""

    type: Literal["sipRequest"]
    verb: Literal["INFO", "MESSAGE", "NOTIFY"]
    headers: Schema | None = None
    body: str | Schema | None = None


class Destination(BaseModel):
    """Where a call goes: Vapi's destinations of all types, with all that belongs to them. Who carries out the transfer
    or the handoff reads the rest."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    description: str = ""

    @property
    def json_object(self) -> dict[str, Any]:
        """The destination as it was written."""
        return self.model_dump(mode="json", exclude_unset=True)


_NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"number": ("number",), "sip": ("sipUri",), "assistant": ("assistantName", "assistantId", "assistant")}
)


def _transfer_destination(value: object) -> object:
    """:raises PydanticCustomError: it cannot be transferred to"""
    if isinstance(value, Mapping):
        kind = str(value.get("type", ""))
        if kind not in _NEEDED:
            raise PydanticCustomError("destination", "type must be one of: number, sip, assistant")
        if not any(value.get(name) for name in _NEEDED[kind]):
            raise PydanticCustomError(
                "destination", "a destination of this type needs {name}", {"name": _NEEDED[kind][0]}
            )
    return value


def _handoff_destination(value: object) -> object:
    """:raises PydanticCustomError: it cannot be handed off to"""
    if isinstance(value, Mapping):
        kind = str(value.get("type", ""))
        if kind not in ("assistant", "squad", "dynamic"):
            raise PydanticCustomError("destination", "type must be one of: assistant, squad, dynamic")
        if kind == "assistant" and not any(value.get(name) for name in _NEEDED["assistant"]):
            raise PydanticCustomError("destination", "a destination of this type needs assistantName or assistantId")
    return value


class TransferCallTool(ToolBase):
    """Transfers the call; without destinations the user's server is asked for one."""

    type: Literal["transferCall"]
    destinations: list[Annotated[Destination, BeforeValidator(_transfer_destination)]] = Field(default_factory=list)


class HandoffTool(ToolBase):
    """Gives the conversation to another assistant."""

    type: Literal["handoff"]
    destinations: list[Annotated[Destination, BeforeValidator(_handoff_destination)]] = Field(default_factory=list)
    default_result: str | None = None


class McpToolMessages(Section):
    """The messages of one tool of the server, instead of those of all."""

    name: str
    messages: list[ToolMessage] = Field(default_factory=list)


class McpMetadata(Section):
    protocol: Literal["shttp", "sse"] = "shttp"


class McpTool(ToolBase):
    """The tools of a Model Context Protocol server."""

    type: Literal["mcp"]
    tool_messages: list[McpToolMessages] = Field(default_factory=list)
    metadata: McpMetadata = McpMetadata()


TYPES: Mapping[str, type[ToolBase]] = MappingProxyType(
    {
        "function": FunctionTool,
        "apiRequest": ApiRequestTool,
        "transferCall": TransferCallTool,
        "endCall": EndCallTool,
        "dtmf": DtmfTool,
        "handoff": HandoffTool,
        "sms": SmsTool,
        "voicemail": VoicemailTool,
        "sipRequest": SipRequestTool,
        "pauseRecording": PauseRecordingTool,
        "resumeRecording": ResumeRecordingTool,
        "mcp": McpTool,
        "transferSuccessful": TransferSuccessfulTool,
        "transferCancel": TransferCancelTool,
    }
)


def _of_type(value: Any, _: ValidatorFunctionWrapHandler) -> ToolBase:
    """The tool's own model, whose faults are told at their own places; without a type it is a function.

    :raises ValueError: it is no tool
    """
    if isinstance(value, ToolBase):
        return value
    if not isinstance(value, Mapping):
        raise PydanticCustomError("tool", "a tool is an object with a type")
    model = TYPES.get(str(value.get("type", "function")))
    if model is None:
        raise PydanticCustomError("tool", "type must be one of: {types}", {"types": ", ".join(TYPES)})
    return model.model_validate(value)


Tool = Annotated[SerializeAsAny[ToolBase], _Wrap(_of_type)]
"""A tool of any type, as a field."""
