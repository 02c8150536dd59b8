"""What the parts of an assistant are made of: field names are Vapi's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

Spoken = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
"""A text that is said; it may hold Liquid templates."""


def listed(value: object) -> object:
    """Where Vapi takes one or several, one is a list too; an empty text is none."""
    if isinstance(value, str):
        return [value] if value else []
    return value


class Section(BaseModel):
    """A part of an assistant: camelCase outside, snake_case inside; unknown fields are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class BackoffPlan(Section):
    """When a request that failed is made again: `max_retries` times, after `base_delay_seconds`, or twice as long each
    time where it is exponential; not after an answer with one of the excluded statuses."""

    type: Literal["fixed", "exponential"] = "fixed"
    max_retries: int = Field(default=0, ge=0, le=10)
    base_delay_seconds: float = Field(default=1, ge=0, le=10)
    excluded_status_codes: list[int] = Field(default_factory=list)


class Server(Section):
    """An HTTP server of the user's that gets Vapi's messages as POST. The secret goes out as `X-Vapi-Secret`;
    `credential_id` names a credential of the organisation that signs the requests."""

    url: str
    timeout_seconds: float = Field(default=20, ge=1, le=300)
    headers: dict[str, str] = Field(default_factory=dict)
    secret: str = Field(default="", repr=False)
    credential_id: str | None = None
    backoff_plan: BackoffPlan | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Server | None:
        """A server of Vapi's JSON, without what is not known; None when it cannot be used."""
        known = {to_camel(name) for name in cls.model_fields}
        try:
            return cls.model_validate({name: value for name, value in body.items() if name in known})
        except ValidationError:
            return None

    @property
    def request_headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {**self.headers, "X-Vapi-Secret": self.secret} if self.secret else self.headers
