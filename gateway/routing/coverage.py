"""Routes without effect: what they take is taken by an earlier one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.routing.pattern import ANYTHING, is_literal, matches
from gateway.routing.settings import RouteSettings


def without_effect(routes: Sequence[RouteSettings]) -> Iterator[tuple[int, int]]:
    """Each such route and the earlier one that leaves it nothing, by index. What cannot be told for certain, such as
    one regular expression within another, is left out."""
    for later, route in enumerate(routes):
        for earlier in range(later):
            if covers(routes[earlier], route):
                yield later, earlier
                break


def covers(wide: RouteSettings, narrow: RouteSettings) -> bool:
    """Whether every call that `narrow` takes is one that `wide` takes."""
    return (
        wide.trunk in (None, narrow.trunk)
        and _pattern_covers(wide.number, narrow.number)
        and (wide.caller is None or wide.caller == narrow.caller)
        and _headers_cover(wide, narrow)
        and (wide.when is None or wide.when == narrow.when)
    )


def _pattern_covers(wide: str, narrow: str) -> bool:
    return wide in (ANYTHING, narrow) or (is_literal(narrow) and matches(wide, narrow))


def _headers_cover(wide: RouteSettings, narrow: RouteSettings) -> bool:
    given = {name.lower(): pattern for name, pattern in narrow.headers.items()}
    return all(given.get(name.lower()) == pattern for name, pattern in wide.headers.items())
