"""A trunk of the settings: a PBX or carrier, by its registration, its gateways, or the addresses that it calls from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from gateway.sip.keypad import DtmfSetting
from gateway.trunk.protection import ReadsOff, Transport, TrunkProtection
from gateway.trunk.source import parse_source

SessionTimer = Annotated[Literal["off", "optional", "required", "always"], ReadsOff]
Prack = Annotated[Literal["off", "optional", "required"], ReadsOff]
SHORTEST_SESSION_SECONDS = 90
"""RFC 4028 section 4."""


def _source(text: str) -> str:
    try:
        parse_source(text)
    except ValueError:
        raise PydanticCustomError(
            "source", "an address or network, such as 203.0.113.5, 203.0.113.0/24 or 203.0.113.0/24:5060/udp"
        ) from None
    return text


SourceText = Annotated[str, AfterValidator(_source)]
"""Where requests may come from, as `gateway.trunk.source.parse_source` reads it."""


UserText = Annotated[str, Field(pattern=r"^[^\x00-\x20\x7f<>@;,\"]*$", max_length=128)]
"""A part of a URI's user part, or a URI without parameters."""
HeaderText = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=256)]
"""One line."""


class TrunkGateway(BaseModel):
    """A host of a trunk. The lowest `priority` is called first; among equals, `weight` says how often each is.

    `netmask` widens the address whose calls are taken (`inbound`) to a network; `outbound: false` is never called.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)
    transport: Transport | None = None
    priority: int = Field(default=1, ge=0, le=65535)
    weight: int = Field(default=1, ge=0, le=65535)
    netmask: int | None = Field(default=None, ge=8, le=128)
    inbound: bool = True
    outbound: bool = True

    @property
    def name(self) -> str:
        """host or host:port, as the gateway is named in states and dialled; an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host
        return f"{host}:{self.port}" if self.port else host


class TrunkSettings(TrunkProtection, BaseModel):
    """A PBX or carrier whose calls Parley takes and through which it may call.

    `username` is who we are there, and `auth_username` the digest's user name where that is another one.
    It registers where there is a `registrar`. Else `gateways` are called, and calls that come from there or from
    `allow` are the trunk's. `label` is what people call it. `organisation` owns it: None is shared by all.
    `qualify_seconds` between two OPTIONS to each gateway, 0 for none. `trusted`: its identity headers are believed.
    Numbers that are called, and that call, get or lose their plus (`leading_plus`); `tech_prefix` is put before what is
    called. `caller_id` is seen calling where a call names nobody. `diversion`, a number, URI or header, says for whom.
    `dtmf`: how keys are sent, and whether they are looked for in the audio. `transfers`: how a caller is sent on where
    a transfer does not say it.
    `redirect`: how a caller whom nobody here answers gets to somebody else: the trunk is told by 302, or we dial.
    `redirects`: how many redirections (3xx) a call of ours follows. `ring_seconds`: until nobody answers. `max_calls`
    at once and `calls_per_second` count calls of both directions.

    `session_timer` asks for refreshes of a call (RFC 4028), so that one whose far end has vanished ends: "optional"
    where the far end can, "required" refuses who cannot, "always" refreshes even then. `session_seconds` is what is
    asked for, `min_session_seconds` the least that is taken. `prack` confirms provisional responses (RFC 3262).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    label: str = ""
    organisation: str | None = None
    registrar: str | None = None
    username: str = ""
    auth_username: str = ""
    password: SecretStr = SecretStr("")
    realm: str = "*"
    domain: str | None = None
    register_seconds: int = Field(default=300, ge=30, le=7200)
    gateways: list[TrunkGateway] = []
    allow: list[SourceText] = []
    qualify_seconds: float = Field(default=30, ge=0, le=3600)
    leading_plus: Literal["keep", "add", "remove"] = "keep"
    tech_prefix: UserText = ""
    caller_id: UserText | None = None
    diversion: HeaderText | None = None
    trusted: bool = False
    dtmf: DtmfSetting = "auto"
    transfers: Literal["auto", "refer", "dial"] = "auto"
    redirect: Literal[302, "dial"] = 302
    redirects: int = Field(default=0, ge=0, le=5)
    ring_seconds: float | None = Field(default=None, ge=1, le=600)
    max_calls: int | None = Field(default=None, ge=1)
    calls_per_second: float | None = Field(default=None, gt=0, le=1000)
    session_timer: SessionTimer = "optional"
    session_seconds: int = Field(default=1800, ge=SHORTEST_SESSION_SECONDS, le=86_400)
    min_session_seconds: int = Field(default=SHORTEST_SESSION_SECONDS, ge=SHORTEST_SESSION_SECONDS, le=86_400)
    prack: Prack = "off"

    @model_validator(mode="after")
    def _has_a_possible_session(self) -> Self:
        if self.session_seconds < self.min_session_seconds:
            raise PydanticCustomError("session", "session_seconds that are no less than min_session_seconds")
        return self

    @model_validator(mode="after")
    def _is_reachable(self) -> Self:
        if self.registrar is not None and not self.username:
            raise PydanticCustomError("incomplete", "a username to register at the registrar with")
        if self.registrar is None and not self.gateways and not self.allow:
            raise PydanticCustomError(
                "incomplete", "a registrar, gateways, or allow with the addresses that it calls from"
            )
        return self
