"""Whom a transfer dials, as a call to anybody is named: a number by the caller's own trunk, or a SIP URI. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.call.leg import Direction, LegInfo
from gateway.call.outbound import hosts_of
from gateway.trunk.settings import TrunkSettings

_URI = re.compile(r"sips?:(?P<user>[^@;\s]+)@(?P<host>\[[^\]]+\]|[^:;?\s]+)", re.IGNORECASE)


def second_leg(
    destination: Mapping[str, Any], info: LegInfo, trunks: Mapping[str, TrunkSettings]
) -> tuple[str, str | None]:
    """What is dialled, and the trunk; None where that is for the settings to say. Whether it may be dialled is the
    guard's to say.

    :param destination: Vapi's, of type number or sip
    :param info: of the caller
    """
    own = trunks.get(info.trunk or "")
    if destination.get("type") != "sip":
        return str(destination.get("number") or ""), own.name if own else None
    uri = str(destination.get("sipUri") or "")
    match = _URI.match(uri)
    far = _URI.search(info.caller if info.direction is Direction.INBOUND else info.called)
    hosts = hosts_of(own) | ({far["host"].lower()} if far else set()) if own else set()
    if own is not None and match is not None and match["host"].lower() in hosts:
        return match["user"], own.name
    return uri, None
