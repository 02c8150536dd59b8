"""Ids in bodies: each must name something of the same organisation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.errors import NotFound
from gateway.store.entities import Entities, Kind


async def missing(entities: Entities, kind: Kind, named: Iterable[tuple[str, object]]) -> list[str]:
    """A sentence for each id that names nothing.

    :param named: path and id
    """
    problems = []
    for path, id_ in named:
        if id_ is None:
            continue
        try:
            await entities.get(kind, str(id_))
        except NotFound:
            problems.append(f"{path} names no {kind.value} of this organisation")
    return problems


def items(value: object, path: str) -> list[tuple[str, Any]]:
    """The entries of a list with their paths; none when it is no list."""
    return [(f"{path}.{index}", item) for index, item in enumerate(value)] if isinstance(value, list) else []


def part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within a body; empty when there is none."""
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}
