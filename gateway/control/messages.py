"""What goes over the control socket, as JSON with camelCase names. Texts of errors are sentences for the user."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.call.progress import Stage, Step
from gateway.call.session import Call


class Message(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class DialRequest(Message):
    """POST /calls. `destination` is a SIP URI or a number; `variables` are template variables of the call.
    `ring_seconds`: until nobody answers; `extension`: keys that are dialled after the answer."""

    destination: str = Field(min_length=1, max_length=255)
    assistant: str | None = None
    trunk: str | None = None
    caller: str | None = None
    ring_seconds: float | None = Field(default=None, ge=1, le=600)
    extension: str = ""
    variables: dict[str, str] = {}


class SayRequest(Message):
    """POST /calls/ID/say."""

    text: str = Field(min_length=1, max_length=5000)
    end_call_after: bool = False
    interruptible: bool = True


class RouteQuestion(Message):
    """POST /routes: a call that nobody makes. Addresses are as in a SIP request."""

    called: str = Field(max_length=255)
    number: str = Field(max_length=255)
    caller: str = Field(default="", max_length=255)
    trunk: str | None = None


class RouteAnswer(Message):
    """What the control plane would do with the call, in words; `answered`: somebody has the number."""

    lines: list[str]
    answered: bool


class CallStep(Message):
    """A stage that a call reached: one line of the answer to POST /calls."""

    call: str
    stage: Stage
    reason: str = ""
    status: int | None = None

    @classmethod
    def of(cls, call: Call, step: Step) -> Self:
        """A step of a call's progress."""
        return cls(call=call.id, stage=step.stage, reason=step.reason, status=step.status)


class LiveCall(Message):
    """A live call: one entry of the answer to GET /calls."""

    id: str
    direction: str
    caller: str
    called: str
    trunk: str | None
    assistant: str
    state: str
    started_at: datetime
    clock_ms: int

    @classmethod
    def of(cls, call: Call) -> Self:
        """As it is now."""
        info = call.leg.info
        return cls(
            id=call.id,
            direction=info.direction,
            caller=info.caller,
            called=info.called,
            trunk=info.trunk,
            assistant=call.assistant_name,
            state=call.state,
            started_at=call.started_at,
            clock_ms=call.now_ms,
        )


class Refusal(Message):
    """The body of every answer that is no success."""

    message: str
