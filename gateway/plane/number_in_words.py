"""What becomes of a call to a phone number, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.store.entities import Entity


def explained_number(number: Entity, organisation: str, *, has_server: bool) -> list[str]:
    """A line for what is done in turn, and who answers.

    :param organisation: its name
    :param has_server: the organisation has one, which is asked where the number has none
    """
    body = number.body
    address = body.get("number") or body.get("sipUri")
    lines = [f"yes number {address} of organisation {organisation} (phoneNumberId {number.id})"]
    lines += [f"    {line}" for line in _before(body)]
    return [*lines, f"=> {_who(body, has_server)}"]


def _before(body: Mapping[str, Any]) -> Iterator[str]:
    if body.get("authentication"):
        yield "first the caller must say its user name and password (401)"
    hooks = [one for one in body.get("hooks") or () if isinstance(one, Mapping) and one.get("on") == "call.ringing"]
    if hooks:
        yield f"then {len(hooks)} hook{'s' * (len(hooks) > 1)} of call.ringing may take the call"


def _who(body: Mapping[str, Any], has_server: bool) -> str:
    fallback = _destination(body.get("fallbackDestination"))
    otherwise = f", else sent on to {fallback}" if fallback else ""
    if body.get("assistantId"):
        return f"assistant {body['assistantId']}{otherwise}"
    if body.get("squadId"):
        return f"squad {body['squadId']}{otherwise}"
    server = body.get("server")
    url = (server.get("url") if isinstance(server, Mapping) else None) or body.get("serverUrl")
    if url:
        return f"whom the server {url} names{otherwise}"
    if has_server:
        return f"whom the organisation's server names{otherwise}"
    return f"sent on to {fallback}" if fallback else "nobody: the number has no assistant, no squad and no server"


def _destination(destination: object) -> str:
    if not isinstance(destination, Mapping):
        return ""
    return str(destination.get("number") or destination.get("sipUri") or "")
