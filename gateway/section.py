"""What the parts of an assistant are made of: field names are Vapi's."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


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
