"""What the parts of an assistant are made of: field names are Vapi's."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
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


class Server(Section):
    """An HTTP server of the user's that gets Vapi's messages as POST. The secret goes out as `X-Vapi-Secret`."""

    url: str
    timeout_seconds: float = Field(default=20, ge=1, le=300)
    headers: dict[str, str] = Field(default_factory=dict)
    secret: str = Field(default="", repr=False)

    @property
    def request_headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {**self.headers, "X-Vapi-Secret": self.secret} if self.secret else self.headers
