"""Environment variables over the settings of the file.

`PARLEY_SIP__PORT=15060` is `sip.port`; two underscores go one level down. Case and single underscores do not matter
(`PARLEY_ASSISTANTS__DEMO__FIRSTMESSAGE`). An entry of a list is named by its number or its `name`
(`PARLEY_TRUNKS__OFFICE__PASSWORD`). A list or a mapping is written as JSON.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from gateway.config.source import Path, Problem, Source

PREFIX = "PARLEY_"
RESERVED = frozenset({"PARLEY_CONFIG", "PARLEY_CACHE_DIR", "PARLEY_PYTHON"})
"""Variables that other parts read; they are no settings."""


def overlay(source: Source, environ: Mapping[str, str], sections: Mapping[str, Any]) -> list[Problem]:
    """Write the variables into `source`.

    A variable whose first part names no section is somebody else's (Kubernetes sets PARLEY_PORT for a service named
    parley), unless it has a level (`__`) or is nearly the name of a section.

    :param sections: the names of the top level's settings
    :returns: what is wrong with the variables
    """
    problems = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in RESERVED:
            continue
        segments = name.removeprefix(PREFIX).split("__")
        if section := _match(segments[0], list(sections)):
            problems += _assign(source, name, [section, *segments[1:]], environ[name])
        elif "__" in name or _nearest(segments[0], sections):
            problems.append(_unknown(name, segments, sections))
    return problems


def _unknown(name: str, segments: list[str], sections: Mapping[str, Any]) -> Problem:
    nearest = _nearest(segments[0], sections)
    known = "__".join([PREFIX + nearest.upper(), *segments[1:]]) if nearest else ""
    hint = f", did you mean {known}?" if known else f", expected one of {', '.join(sections)} after {PREFIX}"
    return Problem(name, "", f"unknown setting{hint}")


def _nearest(segment: str, names: Mapping[str, Any]) -> str | None:
    return next(iter(difflib.get_close_matches(segment.lower(), list(names), n=1, cutoff=0.6)), None)


def _assign(source: Source, name: str, segments: list[str], text: str) -> list[Problem]:
    try:
        value = json.loads(text) if text.lstrip()[:1] in ("[", "{") else text
    except ValueError as error:
        return [Problem(name, "", f"expected JSON, got {text!r}: {error}")]
    holder: Any = source.data
    path: Path = ()
    for depth, segment in enumerate(segments):
        key = _key(holder, segment)
        if key is None:
            return [Problem(name, "", f"expected an entry of {'.'.join(map(str, path))}, got {segment}")]
        path = (*path, key)
        if depth == len(segments) - 1:
            holder[key] = value
        else:
            holder = _descend(holder, key)
    _place(source, path, name)
    return []


def _key(holder: dict[str, Any] | list[Any], segment: str) -> str | int | None:
    """The existing key that `segment` names; a new one in a mapping; None where a list has no such entry."""
    if isinstance(holder, dict):
        return _match(segment, list(holder)) or segment.lower()
    if segment.isdecimal() and int(segment) < len(holder):
        return int(segment)
    names = [str(entry.get("name", "")) if isinstance(entry, dict) else "" for entry in holder]
    match = _match(segment, names)
    return names.index(match) if match else None


def _descend(holder: Any, key: str | int) -> Any:
    missing = isinstance(holder, dict) and not isinstance(holder.get(str(key)), dict | list)
    if missing or not isinstance(holder[key], dict | list):
        holder[key] = {}
    return holder[key]


def _match(segment: str, names: list[str]) -> str | None:
    return next((name for name in names if name and _plain(name) == _plain(segment)), None)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _place(source: Source, path: Path, name: str) -> None:
    for known in [known for known in source.places if known[: len(path)] == path]:
        del source.places[known]
    source.places[path] = (name, 0)
