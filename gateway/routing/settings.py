"""A route of the settings: which calls it takes, and who answers them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from gateway.routing.opening_hours import OpeningHours
from gateway.routing.part import RoutePart
from gateway.routing.pattern import ANYTHING, PatternText

ANSWERS = ("assistant", "split", "server", "destination")
"""Exactly one of them says who answers."""

Weight = Annotated[float, Field(gt=0, le=1_000_000)]


class RouteDestination(RoutePart):
    """Somewhere else: a `number` of where the call comes from, or a SIP address. The caller's side is told by 302."""

    number: str | None = Field(default=None, min_length=1, max_length=40)
    sip_uri: str | None = Field(default=None, pattern=r"^sips?:[^\s<>]+$", max_length=250)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.number is None) == (self.sip_uri is None):
            raise PydanticCustomError("destination", "a number or a sip_uri, and not both")
        return self

    def shown(self) -> dict[str, str]:
        """As Vapi writes a destination."""
        if self.number is not None:
            return {"type": "number", "number": self.number}
        return {"type": "sip", "sipUri": str(self.sip_uri)}


class RouteServer(RoutePart):
    """A server that is asked who answers: Vapi's assistant-request."""

    url: str = Field(pattern=r"^https?://\S+$", max_length=2000)
    secret: SecretStr | None = None
    headers: dict[str, str] = Field(default={})

    def told(self) -> dict[str, object]:
        """As Vapi writes a server, with its secret."""
        secret = {"secret": self.secret.get_secret_value()} if self.secret else {}
        return {"url": self.url, "headers": self.headers, **secret}


class RouteSettings(RoutePart):
    """Which calls a route takes, and who answers. The first route whose conditions all hold has the call.

    `number`, `caller` and the values of `headers` are shell patterns or /regular expressions/; `caller` is the number
    or SIP URI of who calls. `split` divides the calls between assistants by weight. `fallback` is where a caller is
    sent on to when nobody can take the call.
    """

    name: str = ""
    number: PatternText = ANYTHING
    trunk: str | None = None
    caller: PatternText | None = None
    headers: dict[str, PatternText] = Field(default={})
    when: OpeningHours | None = None
    assistant: str | None = None
    split: dict[str, Weight] = Field(default={})
    server: RouteServer | None = None
    destination: RouteDestination | None = None
    fallback: RouteDestination | None = None

    @model_validator(mode="after")
    def _has_one_answer(self) -> Self:
        if sum(bool(getattr(self, name)) for name in ANSWERS) != 1:
            raise PydanticCustomError("answer", "one of assistant, split, server and destination: who answers")
        return self

    @property
    def assistants(self) -> tuple[str, ...]:
        """Those of the settings that may answer."""
        return (self.assistant,) if self.assistant else tuple(self.split)
