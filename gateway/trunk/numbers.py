"""How a trunk writes numbers: those that are called, and those that call. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.trunk.settings import TrunkSettings

_NUMBER = re.compile(r"\+?[0-9*#]+")


@dataclass(frozen=True, slots=True)
class Formatted:
    """`user` is dialled, `caller` stands in From (None: the account's own), `headers` go with the INVITE."""

    user: str
    caller: str | None
    headers: dict[str, str]


def formatted(trunk: TrunkSettings, user: str, caller: str | None, *, domain: str) -> Formatted:
    """A number or name as the trunk wants it.

    :param caller: who is to be seen calling, a number, a name or a SIP URI; default: the trunk's `caller_id`
    :param domain: of the trunk's addresses, for a Diversion that is only a number
    """
    shown = caller if caller is not None else trunk.caller_id
    if shown is not None and ":" not in shown:
        shown = _plus(shown, trunk.leading_plus)
    headers = {"Diversion": _diversion(trunk.diversion, domain)} if trunk.diversion else {}
    return Formatted(trunk.tech_prefix + _plus(user, trunk.leading_plus), shown, headers)


def _plus(number: str, rule: str) -> str:
    if rule == "keep" or not _NUMBER.fullmatch(number):
        return number
    bare = number.removeprefix("+")
    # an extension, a service code or a number dialled with a prefix is not in the international form
    international = number.startswith("+") or (bare.isdigit() and bare[0] != "0" and len(bare) > 6)
    return f"+{bare}" if rule == "add" and international else bare


def _diversion(text: str, domain: str) -> str:
    """A Diversion header (RFC 5806) of a header, a URI or a number."""
    if "<" in text:
        return text
    uri = text if ":" in text else f"sip:{text}@{domain}"
    return f"<{uri}>;reason=unconditional"
