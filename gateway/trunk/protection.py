"""How a trunk's signalling and media are protected, and how it is reached through a NAT: settings of a trunk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Transport = Literal["udp", "tcp", "tls"]
ReadsOff = BeforeValidator(lambda value: "off" if value is False else value)
"""YAML reads a bare `off` as false."""
SrtpPolicy = Annotated[Literal["off", "preferred", "required"], ReadsOff]
SrtpKeying = Literal["sdes", "dtls"]
_HOST_NAME = r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"


class TrunkTls(BaseModel):
    """Our certificate at this trunk, and whose certificates we believe there; PEM files.

    Without `ca_file` the system's authorities are believed. `verify: false` believes anybody. `server_name` is whose
    certificate is to be shown, where that is not the host that is called: a PBX at an address, say, known by its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    verify: bool = True
    server_name: str | None = Field(default=None, pattern=_HOST_NAME, max_length=253)


class TrunkProtection(BaseModel):
    """The base of `TrunkSettings`.

    `srtp`: whether media is encrypted; with `required` no call is taken or made without. `srtp_keying` says how keys
    are agreed on; those of sdes stand in the signalling, which therefore has to be TLS, or `srtp_without_tls` says that
    it is protected otherwise. `public_address` is told to this trunk in place of sip.public_address. `contact_host` is
    our name there, for far ends that know us by one: it stands in Contact and, without a registrar, in From.
    `keep_alive_seconds` between packets that keep a NAT's mapping open, 0 for none.
    """

    transport: Transport = "udp"
    tls: TrunkTls | None = None
    srtp: SrtpPolicy = "off"
    srtp_keying: SrtpKeying = "sdes"
    srtp_without_tls: bool = False
    public_address: str | None = None
    contact_host: str | None = Field(default=None, pattern=_HOST_NAME, max_length=253)
    keep_alive_seconds: int = Field(default=15, ge=0, le=600)

    @model_validator(mode="after")
    def _is_protected(self) -> Self:
        sdes = self.srtp != "off" and self.srtp_keying == "sdes"
        if sdes and self.transport != "tls" and not self.srtp_without_tls:
            raise PydanticCustomError(
                "srtp",
                "transport: tls, srtp_keying: dtls or srtp_without_tls: true, as the keys can be read on the way",
            )
        if self.tls is not None and self.transport != "tls":
            raise PydanticCustomError("tls", "transport: tls beside tls")
        return self
