"""Whom we may call. Pure.

Whoever can make a telephone system dial can make it cost money, so nothing is dialled that no setting allows: a number
goes through a trunk, and a SIP URI is called directly only at the hosts that `outbound.direct` names. Calls of the API
and the command line, and what a gateway redirects them to, pass here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.call.attempts import Attempt
from gateway.errors import DialRefused
from gateway.settings import OutboundSettings
from gateway.sip.headers import parse_uri
from gateway.trunk.settings import TrunkSettings

_SEPARATORS = re.compile(r"[\s().\-/]")
_NUMBER = re.compile(r"\+?[0-9*]{1,32}")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_SIP_URI = re.compile(r"sips?:(?:[^@\s]+@)?(?P<host>\[[^\]]+\]|[^:;?@\s]+)(?::\d+)?(?:;(?:transport|user)=\w+)*", re.I)
"""Without parameters that send the request elsewhere (maddr) and without headers."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the endpoint is told to dial: a SIP URI, or a number by one of `trunks`, the first that can take it."""

    destination: str
    trunks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outbound:
    """What may be dialled.

    :param trunks: those that there are now, by name
    """

    settings: OutboundSettings
    trunks: Mapping[str, TrunkSettings]

    def target(self, destination: str, trunk: str | None = None, *, organisation: str | None = None) -> Target:
        """Where a call to `destination` goes.

        :param destination: a SIP URI, or a number or name that a trunk knows
        :param trunk: the name of the trunk that it goes through
        :param organisation: who calls, None for the operator
        :raises DialRefused: when no setting allows it
        """
        if uri := _SIP_URI.fullmatch(destination):
            if trunk is not None:
                raise DialRefused(f"{destination} is a SIP URI and goes without a trunk; leave the trunk out.")
            if not self._direct(uri["host"]):
                host = uri["host"]
                raise DialRefused(f"SIP URIs at {host} may not be called; add {host} to outbound.direct to allow it.")
            return Target(destination)
        number = _SEPARATORS.sub("", destination)
        if not _NUMBER.fullmatch(number):
            number = destination
        if not _NUMBER.fullmatch(number) and not _USER.fullmatch(number):
            raise DialRefused(
                f"{destination!r} is neither a number nor a SIP URI; write +15551234567 or sip:name@host."
            )
        return Target(number, self._through(trunk, organisation))

    def redirected(self, contact: str, attempt: Attempt) -> Attempt | None:
        """The attempt that a contact of a 3xx leads to; None where the trunk's `redirects`, or its host, forbid it."""
        by = self.trunks.get(attempt.trunk or attempt.redirected_by or "")
        uri = _SIP_URI.fullmatch(contact)
        if by is None or uri is None or attempt.hops >= by.redirects:
            return None
        if uri["host"].lower() in hosts_of(by):
            return Attempt(contact, by.name, hops=attempt.hops + 1, redirected_by=by.name)
        if self._direct(uri["host"]):
            return Attempt(contact, hops=attempt.hops + 1, redirected_by=by.name)
        return None

    def _direct(self, host: str) -> bool:
        return any(fnmatchcase(host.lower(), pattern.lower()) for pattern in self.settings.direct)

    def _through(self, named: str | None, organisation: str | None) -> tuple[str, ...]:
        """The trunk that is named, or the only one; and where it is one of `outbound.trunks`, the others of these."""
        usable = [name for name, trunk in self.trunks.items() if trunk.organisation in (None, organisation)]
        ranked = [name for name in self.settings.trunks if name in usable]
        if named is not None and organisation is None and named in self.trunks:
            usable.append(named)
        if named is not None and named not in usable:
            raise DialRefused(f"There is no trunk {named!r}; {_configured(usable)}.")
        if named is None and not ranked and len(usable) != 1:
            raise DialRefused(f"A number is called through a trunk; {_configured(usable)}.")
        if named is None:
            return tuple(ranked or usable)
        return (named, *(name for name in ranked if name != named)) if named in ranked else (named,)


def hosts_of(trunk: TrunkSettings) -> set[str]:
    """The hosts that a trunk's calls go to, in lower case."""
    hosts = {gateway.host.lower() for gateway in trunk.gateways}
    for text in (trunk.registrar, trunk.domain):
        uri = (
            parse_uri(text if text and text.lower().startswith(("sip:", "sips:")) else f"sip:{text}") if text else None
        )
        if uri is not None:
            hosts.add(uri.host)
    return hosts


def _configured(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"name one of {listed}" if listed else "configure one under trunks"


def dialling_assistant(named: str | None, assistants: Mapping[str, object]) -> str:
    """The assistant that speaks: the one that is named, or the only one.

    :raises DialRefused: when there is no such assistant, or none is named and there are several
    """
    names = ", ".join(assistants)
    if named is not None and named not in assistants:
        raise DialRefused(f"There is no assistant {named!r}; name one of {names}.")
    if named is None and len(assistants) != 1:
        raise DialRefused(f"Name the assistant that speaks: one of {names}.")
    return named or next(iter(assistants))
