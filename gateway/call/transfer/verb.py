"""Which verb carries out a transfer whose plan names none: REFER, or our own call. Pure.

RFC 3515 leaves the caller with us until a NOTIFY says that it arrived. Systems that run a dialplan do not: they take
the caller out of our call when they accept the REFER, and where the target is busy then, nobody has the caller any
more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.call.leg import LegInfo
from gateway.call.outbound import Outbound
from gateway.call.transfer.plan import Verb
from gateway.call.transfer.target import second_leg
from gateway.errors import DialRefused
from gateway.trunk.settings import TrunkSettings

_TAKE_AT_ONCE = {
    "asterisk": "Asterisk",
    "fpbx": "FreePBX",
    "freeswitch": "FreeSWITCH",
    "microsoft.pstnhub": "Microsoft Teams",
}
"""By what User-Agent or Server begins with. Asterisk 22 was tried; FreeSWITCH's mod_sofia puts the caller into its
dialplan before it says anything of the target; Teams hangs up right after its 202."""
_GIVE_BACK = {"twilio": "Twilio"}
"""Twilio documents that it holds the call until its last NOTIFY."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A verb, and why, for the journal."""

    verb: Verb
    why: str


def usual_verb(destination: Mapping[str, Any], info: LegInfo, software: str, outbound: Outbound) -> Choice:
    """The verb for a destination whose plan names none.

    :param info: of the caller
    :param software: what the caller's side says it is (User-Agent, Server), empty when it says nothing
    :param outbound: what may be dialled, with all trunks
    """
    trunk = outbound.trunks.get(info.trunk or "")
    if trunk is None:
        return Choice(Verb.REFER, "the caller came by no trunk that could be dialled by")
    if trunk.transfers != "auto":
        return Choice(Verb(trunk.transfers), f"transfers of the trunk {trunk.name!r} says so")
    if name := _named(software, _GIVE_BACK):
        return Choice(Verb.REFER, f"{name} keeps the caller in this call until the other person has answered")
    if refused := _not_dialled(destination, info, trunk, outbound):
        return Choice(Verb.REFER, f"it cannot be dialled from here: {refused}")
    if name := _named(software, _TAKE_AT_ONCE):
        return Choice(Verb.DIAL, f"{name} takes the caller away as soon as it accepts a REFER")
    return Choice(Verb.DIAL, f"{software or 'a system that does not name itself'} is not known to give a caller back")


def _named(software: str, names: Mapping[str, str]) -> str:
    plain = software.strip().lower()
    return next((name for beginning, name in names.items() if plain.startswith(beginning)), "")


def _not_dialled(destination: Mapping[str, Any], info: LegInfo, trunk: TrunkSettings, outbound: Outbound) -> str:
    """Why a call to the destination cannot be made; empty when it can."""
    if trunk.registrar is None and not any(gateway.outbound for gateway in trunk.gateways):
        return f"the trunk {trunk.name!r} has no gateway that may be called."
    wanted, name = second_leg(destination, info, outbound.trunks)
    try:
        outbound.target(wanted, name, organisation=trunk.organisation)
    except DialRefused as error:
        return str(error)
    return ""
