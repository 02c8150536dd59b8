"""The `sip` section of the settings: where calls are taken, and how they are protected."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from gateway.trunk.protection import SrtpKeying, SrtpPolicy, Transport


class SipTls(BaseModel):
    """Our certificate for calls by TLS, PEM. `ca_file` signs those of others: without it the system's authorities do.
    `verify_client` takes connections with a certificate of theirs only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: int = Field(default=5061, ge=1, le=65535)
    certificate_file: Path | None = None
    key_file: Path | None = None
    ca_file: Path | None = None
    verify_client: bool = False


class SipSettings(BaseModel):
    """`host` is one address, or one of each family. `srtp` is for calls of no trunk; `stun` servers are host:port.
    `strangers` are callers from no trunk's address: taken, refused with 403, or not answered at all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str | list[str] = "0.0.0.0"  # noqa: S104  a telephone must reach us
    port: int = Field(default=5060, ge=1, le=65535)
    transports: list[Transport] = ["udp", "tcp"]
    tls: SipTls = SipTls()
    srtp: SrtpPolicy = "off"
    srtp_keying: SrtpKeying = "sdes"
    public_address: str | None = None
    stun: list[str] = Field(default=[], max_length=8)
    user_agent: str = "Parley"
    codecs: list[Literal["PCMU", "PCMA", "G722", "opus"]] = ["PCMU", "PCMA", "G722", "opus"]
    max_calls: int = Field(default=100, ge=1, le=500)
    strangers: Literal["accept", "refuse", "ignore"] = "accept"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        families = [is_ipv6(host) for host in self.hosts]
        if not families or len(set(families)) != len(families):
            raise PydanticCustomError("host", "one address, or one IPv4 and one IPv6 address")
        if "tls" in self.transports and not (self.tls.certificate_file and self.tls.key_file):
            raise PydanticCustomError("tls", "tls.certificate_file and tls.key_file, because transports has tls")
        return self

    @property
    def hosts(self) -> list[str]:
        """Addresses that are listened on, at most one of each family."""
        hosts = [self.host] if isinstance(self.host, str) else self.host
        return [host.strip("[]") or "0.0.0.0" for host in hosts]  # noqa: S104  what an empty host means


def is_ipv6(host: str) -> bool:
    """Whether a host is a literal IPv6 address, with or without brackets and scope."""
    try:
        return ipaddress.ip_address(host.strip("[]")).version == 6
    except ValueError:
        return False


def is_any(host: str) -> bool:
    """Whether a host means every address of its family."""
    return host in ("", "0.0.0.0", "::")  # noqa: S104  compared, not bound
