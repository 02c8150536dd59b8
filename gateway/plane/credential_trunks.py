"""Trunks of credentials: Vapi's `byo-sip-trunk` as `TrunkSettings`. Pure.

The trunk has the credential's id for its name, the credential's name for its label, and belongs to its organisation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from gateway.trunk.settings import TrunkSettings

PROVIDER = "byo-sip-trunk"
QUALIFY_SECONDS = 30

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]+\]?")

Body = Mapping[str, Any]


class NoTrunk(ValueError):
    """A credential makes no trunk.

    :param problems: sentences that begin with the path of what is wrong
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def credential_trunk(id_: str, organisation: str, body: Body) -> TrunkSettings:
    """The trunk of a credential that is opened.

    :raises NoTrunk: it cannot be used
    """
    problems = list(_problems(body))
    if problems:
        raise NoTrunk(problems)
    written = {
        "name": id_,
        "label": str(body.get("name") or id_),
        "organisation": organisation,
        "gateways": [_gateway(index, one) for index, one in enumerate(body["gateways"])],
        "qualify_seconds": QUALIFY_SECONDS if any(one.get("optionsPingEnabled") for one in body["gateways"]) else 0,
        **({"redirect": body["redirect"]} if body.get("redirect") else {}),
        **_numbers(body),
        **_transport(body),
        **_authentication(body),
    }
    try:
        return TrunkSettings.model_validate(written)
    except ValidationError as error:
        # Neither the input nor its values: there are secrets in them.
        raise NoTrunk([_sentence(one["loc"], one["msg"]) for one in error.errors(include_input=False)]) from None


def without_effect(body: Body) -> Iterator[tuple[str, str]]:
    """Path and sentence of each field that has no effect here."""
    pinged = [bool(one.get("optionsPingEnabled")) for one in body.get("gateways") or () if isinstance(one, Mapping)]
    if any(pinged) and not all(pinged):
        yield "gateways", "optionsPingEnabled of one gateway counts for all gateways of the trunk."
    plan = _part(body, "outboundAuthenticationPlan")
    register = plan.get("sipRegisterPlan")
    if isinstance(register, Mapping) and register.get("username") not in (None, "", plan.get("authUsername")):
        yield (
            "outboundAuthenticationPlan.sipRegisterPlan.username",
            "The user name of the registration is used for the password, too: authUsername has no effect.",
        )


def _problems(body: Body) -> Iterator[str]:
    gateways = body.get("gateways")
    if not isinstance(gateways, list) or not gateways:
        yield "gateways must have at least one gateway"
        return
    protocols = set()
    for index, one in enumerate(gateways):
        if not isinstance(one, Mapping) or not _HOST.fullmatch(str(one.get("ip") or "")):
            yield f"gateways.{index}.ip must be an address or a host name"
        else:
            protocols.add(one.get("outboundProtocol") or "udp")
    if "tls/srtp" in protocols and len(protocols) > 1:
        yield "gateways must all have the outboundProtocol tls/srtp where one has it"


def _gateway(index: int, one: Body) -> dict[str, Any]:
    protocol = str(one.get("outboundProtocol") or "udp")
    written = {
        "host": str(one["ip"]),
        "port": one.get("port"),
        "priority": index,
        "transport": protocol.partition("/")[0],
        "netmask": one.get("netmask"),
        "inbound": one.get("inboundEnabled") is not False,
        "outbound": one.get("outboundEnabled") is not False,
    }
    return {name: value for name, value in written.items() if value is not None}


def _numbers(body: Body) -> dict[str, Any]:
    """How numbers are written; a plus stays as it is where nothing is said of it."""
    plus = body.get("outboundLeadingPlusEnabled")
    written = {
        "leading_plus": None if plus is None else "add" if plus else "remove",
        "tech_prefix": body.get("techPrefix"),
        "diversion": body.get("sipDiversionHeader"),
    }
    return {name: value for name, value in written.items() if value}


def _transport(body: Body) -> dict[str, Any]:
    """How a registration goes out, and whether the sound is encrypted."""
    protocol = next((one.get("outboundProtocol") for one in body["gateways"] if one.get("outboundProtocol")), "udp")
    return {"transport": protocol.partition("/")[0], **({"srtp": "required"} if protocol == "tls/srtp" else {})}


def _authentication(body: Body) -> dict[str, Any]:
    plan = _part(body, "outboundAuthenticationPlan")
    register = plan.get("sipRegisterPlan")
    # An empty plan is one, too: register as authUsername.
    registers = isinstance(register, Mapping)
    details: Body = register if isinstance(register, Mapping) else {}
    written = {
        "username": details.get("username") or plan.get("authUsername") or "",
        "password": plan.get("authPassword") or "",
        "realm": details.get("realm") or "*",
        "domain": details.get("domain"),
    }
    if registers:
        callee = next((one for one in body["gateways"] if one.get("outboundEnabled") is not False), body["gateways"][0])
        host = f"[{callee['ip']}]" if ":" in str(callee["ip"]).strip("[]") else callee["ip"]
        written["registrar"] = f"{host}:{callee['port']}" if callee.get("port") else str(host)
    return {name: value for name, value in written.items() if value is not None}


def _part(body: Body, name: str) -> Body:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


_NAMES = {
    "host": "ip",
    "outbound": "outboundEnabled",
    "inbound": "inboundEnabled",
    "transport": "outboundProtocol",
    "srtp": "outboundProtocol",
    "username": "outboundAuthenticationPlan.authUsername",
    "password": "outboundAuthenticationPlan.authPassword",
    "tech_prefix": "techPrefix",
    "diversion": "sipDiversionHeader",
    "registrar": "outboundAuthenticationPlan.sipRegisterPlan",
}
"""Field of a trunk → of the credential."""


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    path = ".".join(_NAMES.get(str(part), str(part)) for part in location) or "gateways"
    return f"{path} is not usable: {message}"
