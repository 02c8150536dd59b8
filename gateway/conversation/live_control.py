"""Live control: what somebody outside asks of a call that goes on. The messages are Vapi's.

They come over the control URL, the WebSocket of a call or the control plane, one JSON object each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from gateway.errors import InvalidControl

LONGEST_TEXT = 10_000
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class _Message(BaseModel):
    """What a newer client adds is passed over."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Say(_Message):
    """Let the agent say a text as soon as it has the floor. `interrupt_assistant_enabled`: in the place of what it says
    now. Clients of the web call the text `message`."""

    type: Literal["say"]
    content: Text = Field(validation_alias=AliasChoices("content", "message"))
    end_call_after_spoken: bool = False
    interruptions_enabled: bool = True
    interrupt_assistant_enabled: bool = False


class AddedMessage(_Message):
    """`content` is a text, or a list of OpenAI's text parts."""

    role: Literal["system", "user", "assistant", "tool", "function", "developer"]
    content: str | list[dict[str, Any]]

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, str):
            return self.content
        return " ".join(str(part.get("text", "")) for part in self.content).strip()


class AddMessage(_Message):
    """Put a message into the conversation, and let the model answer it."""

    type: Literal["add-message"]
    message: AddedMessage
    trigger_response_enabled: bool = True


class Control(_Message):
    """Mute or unmute one side, or say the assistant's first message. The last two are Parley's."""

    type: Literal["control"]
    control: Literal[
        "mute-assistant",
        "unmute-assistant",
        "mute-customer",
        "unmute-customer",
        "say-first-message",
        "pause-recording",
        "resume-recording",
    ]


class EndCall(_Message):
    """End the call at once."""

    type: Literal["end-call", "hangup"]


class Destination(BaseModel):
    """Vapi's destination; whoever goes there reads the rest."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str

    @property
    def json_object(self) -> dict[str, Any]:
        """As it was written."""
        return self.model_dump(mode="json")


class TransferDestination(Destination):
    type: Literal["number", "sip"]
    number: str | None = Field(default=None, min_length=3, max_length=40)
    sip_uri: str | None = Field(default=None, alias="sipUri", pattern=r"^sips?:\S+$")

    @property
    def json_object(self) -> dict[str, Any]:
        """As it was written."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class HandoffDestination(Destination):
    type: Literal["assistant", "squad"]


class Transfer(_Message):
    """Send the caller on to a number or a SIP address, after `content` was said."""

    type: Literal["transfer"]
    destination: TransferDestination
    content: str = Field(default="", max_length=LONGEST_TEXT)


class Handoff(_Message):
    """Have another assistant take the call over, after `content` was said."""

    type: Literal["handoff"]
    destination: HandoffDestination
    content: str = Field(default="", max_length=LONGEST_TEXT)


class SipMessage(_Message):
    """`transport` may only be "vapi.sip": the others' messages are for calls that are not SIP."""

    transport: Literal["vapi.sip"]
    sip_verb: Literal["INFO", "MESSAGE", "NOTIFY"]
    headers: dict[str, str] = Field(default_factory=dict)
    body: str = ""


class SendTransportMessage(_Message):
    """Send a request inside the call's SIP dialog."""

    type: Literal["send-transport-message"]
    message: SipMessage

    @property
    def verb(self) -> str:
        """The SIP method."""
        return self.message.sip_verb

    @property
    def headers(self) -> dict[str, str]:
        """Of the request."""
        return self.message.headers

    @property
    def body(self) -> str:
        """Of the request."""
        return self.message.body


ControlMessage = Say | AddMessage | Control | EndCall | Transfer | Handoff | SendTransportMessage
_MESSAGE: TypeAdapter[ControlMessage] = TypeAdapter(Annotated[ControlMessage, Field(discriminator="type")])


def read_control(message: Mapping[str, Any]) -> ControlMessage:
    """Read a message of live control.

    :raises InvalidControl: it is none; says every problem with its place
    """
    try:
        read = _MESSAGE.validate_python(dict(message))
    except ValidationError as error:
        problems = [_problem(one) for one in error.errors(include_input=False, include_url=False)]
        raise InvalidControl(f"The control message is not valid: {'; '.join(problems)}.") from None
    if isinstance(read, Transfer) and not (read.destination.number or read.destination.sip_uri):
        raise InvalidControl("The control message is not valid: destination needs a number, or a sipUri.")
    return read


def _problem(error: Mapping[str, Any]) -> str:
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return "type must be one of say, add-message, control, end-call, transfer, handoff, send-transport-message"
    place = ".".join(str(part) for part in error["loc"][1:]) or "it"
    message = str(error["msg"])
    return f"{place} {message[:1].lower()}{message[1:]}"
