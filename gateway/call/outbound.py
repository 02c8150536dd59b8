"""Whom we may call. Pure.

Whoever can make a telephone system dial can make it cost money, so nothing is dialled that no setting allows: a number
goes through a configured trunk, and a SIP URI is called directly only at the hosts that `outbound.direct` names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.errors import DialRefused
from gateway.settings import Settings

_SEPARATORS = re.compile(r"[\s().\-/]")
_NUMBER = re.compile(r"\+?[0-9*]{1,32}")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_SIP_URI = re.compile(r"sips?:(?:[^@\s]+@)?(?P<host>\[[^\]]+\]|[^:;?@\s]+)(?::\d+)?(?:;(?:transport|user)=\w+)*", re.I)
"""Without parameters that send the request elsewhere (maddr) and without headers."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the endpoint is told to dial: a SIP URI, or a number of `trunk`."""

    destination: str
    trunk: str | None


def dial_target(destination: str, trunk: str | None, settings: Settings) -> Target:
    """Where a call to `destination` goes.

    :param destination: a SIP URI, or a number or name that a trunk knows
    :raises DialRefused: when no setting allows it
    """
    if uri := _SIP_URI.fullmatch(destination):
        if trunk is not None:
            raise DialRefused(f"{destination} is a SIP URI and goes without a trunk; leave the trunk out.")
        return _direct(destination, uri["host"], settings)
    number = _SEPARATORS.sub("", destination)
    if not _NUMBER.fullmatch(number):
        number = destination
    if not _NUMBER.fullmatch(number) and not _USER.fullmatch(number):
        raise DialRefused(f"{destination!r} is neither a number nor a SIP URI; write +15551234567 or sip:name@host.")
    return Target(number, _trunk(trunk, settings))


def _direct(destination: str, host: str, settings: Settings) -> Target:
    if not any(fnmatchcase(host.lower(), pattern.lower()) for pattern in settings.outbound.direct):
        raise DialRefused(f"SIP URIs at {host} may not be called; add {host} to outbound.direct to allow it.")
    return Target(destination, None)


def _trunk(named: str | None, settings: Settings) -> str:
    names = [trunk.name for trunk in settings.trunks]
    if named is not None and named not in names:
        raise DialRefused(f"There is no trunk {named!r}; {_configured(names)}.")
    if named is None and len(names) != 1:
        raise DialRefused(f"A number is called through a trunk; {_configured(names)}.")
    return named or names[0]


def _configured(names: list[str]) -> str:
    return f"name one of {', '.join(names)}" if names else "configure one under trunks"


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
