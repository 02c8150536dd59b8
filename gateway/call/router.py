"""Which assistant answers a call. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from gateway.call.leg import LegInfo
from gateway.errors import NoRoute
from gateway.settings import RouteSettings


def route(info: LegInfo, routes: Sequence[RouteSettings]) -> str:
    """Name of the assistant of the first route whose conditions all hold.

    :raises NoRoute: when none does
    """
    for candidate in routes:
        if candidate.trunk in (None, info.trunk) and fnmatchcase(info.number, candidate.number):
            return candidate.assistant
    raise NoRoute(f"No route takes number {info.number!r} of trunk {info.trunk!r}; add one under routes.")
