"""Which route has a call, and why. Pure.

The decision is made of what the caller's first request says and of the time. It is the same for each repetition of a
call: the share of a split is drawn by the Call-ID.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.call.leg import LegInfo
from gateway.errors import NoRoute
from gateway.routing.pattern import ANYTHING, matches
from gateway.routing.settings import RouteSettings

_NUMBER_OF = re.compile(r"<?(?:sips?:|tel:)?([^@;>]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Condition:
    """One of a route's conditions and whether it holds; `text` says it in words."""

    holds: bool
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A route and its conditions. One without any takes every call."""

    index: int
    route: RouteSettings
    conditions: tuple[Condition, ...]

    @property
    def matched(self) -> bool:
        """Whether all conditions hold."""
        return all(condition.holds for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class Decision:
    """The route that has a call; `assistant` is the one of the settings that answers, None where a server is asked or
    the caller is sent on. `judged` are all routes, in order."""

    route: RouteSettings
    assistant: str | None
    judged: tuple[Judged, ...]


def decide(info: LegInfo, routes: Sequence[RouteSettings], at: datetime, *, foreign: bool = False) -> Decision:
    """The first route whose conditions all hold.

    :param at: now, with a time zone
    :param foreign: the call came by a trunk of an organisation: routes that do not name the trunk are not for it
    :raises NoRoute: when none does
    """
    judged = judge(info, routes, at, foreign=foreign)
    for one in judged:
        if one.matched:
            return Decision(one.route, _assistant(one.route, info.signalling_id), judged)
    raise NoRoute(f"No route takes number {info.number!r} of trunk {info.trunk!r}; add one under routes.")


def judge(info: LegInfo, routes: Sequence[RouteSettings], at: datetime, *, foreign: bool = False) -> tuple[Judged, ...]:
    """Every route with its conditions; parameters as those of `decide`."""
    return tuple(
        Judged(index, route, tuple(_conditions(info, route, at, foreign=foreign))) for index, route in enumerate(routes)
    )


def drawn(shares: Mapping[str, float], call_id: str) -> str:
    """The name that a call gets of a weighted split: always the same for one Call-ID."""
    digest = hashlib.sha256(call_id.encode(errors="replace")).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64 * sum(shares.values())
    for name, weight in shares.items():
        point -= weight
        if point < 0:
            return name
    return list(shares)[-1]


def caller_number(caller: str) -> str:
    """The number or user of a caller's address."""
    match = _NUMBER_OF.match(caller)
    return match[1] if match else caller


def _assistant(route: RouteSettings, call_id: str) -> str | None:
    return route.assistant or (drawn(route.split, call_id) if route.split else None)


def _conditions(info: LegInfo, route: RouteSettings, at: datetime, *, foreign: bool) -> Iterator[Condition]:
    if foreign and route.trunk is None:
        yield Condition(False, f"the call came by {info.trunk}, a trunk of an organisation, which the route must name")
    if route.trunk is not None:
        yield _compared("trunk", route.trunk, info.trunk or "none", route.trunk == info.trunk)
    if route.number != ANYTHING:
        yield _compared("number", route.number, info.number or "none", matches(route.number, info.number))
    if route.caller is not None:
        number = caller_number(info.caller)
        fits = matches(route.caller, number) or matches(route.caller, info.caller, ignore_case=True)
        yield _compared("caller", route.caller, number or "none", fits)
    for name, pattern in route.headers.items():
        value = header_value(info.headers, name)
        yield _compared(f"header {name}", pattern, value or "none", value is not None and matches(pattern, value))
    if route.when is not None:
        holds = route.when.holds(at)
        yield Condition(holds, f"time {route.when.told(at)} is {'' if holds else 'not '}in {route.when}")


def header_value(headers: Mapping[str, str], name: str) -> str | None:
    """Of a header, whose name may be in capitals or not."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def _compared(what: str, pattern: str, value: str, holds: bool) -> Condition:
    return Condition(holds, f"{what} {value} {'fits' if holds else 'is not'} {pattern}")
