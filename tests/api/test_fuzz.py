"""Whatever comes is answered, and never by 5xx. `python -m tests.api.fuzz` looks for longer, at a running product."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.house import House

SEED = 5
BODIES = 12
"""Of each operation, besides those that are no object."""
WITHOUT_END = ("/events",)
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 10**400, 1e308, -0.0, "", " ", "\x00", "\ud800", "😀" * 300, "x" * 70_000, "../../etc"),
    *(
        [],
        {},
        [[]],
        [None],
        [{}],
        {"": ""},
        {"a": {"b": [1, {}]}},
        "{{ x",
        "{% if %}",
        "http://[::1",
        "2026-13-45T99:99:99Z",
    ),
)
NO_OBJECTS = (
    *(
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"1",
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"name": "\xed\xa0\x80"}',
    ),
    *(b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"\x00", b"\xef\xbb\xbf{}"),
)
IDS = ("00000000-0000-0000-0000-000000000000", "%00", "..%2F..", "%F0%9F%98%80", "%FF", "x" * 3000, "'%20OR%201=1--")
QUERIES = (
    "",
    "limit=-1",
    "limit=99999999999999999999",
    "limit=x",
    "createdAtGt=yesterday",
    "createdAtLe=%00",
    "page=0",
)
FIELDS = (
    *(
        "name",
        "model",
        "voice",
        "transcriber",
        "tools",
        "server",
        "members",
        "function",
        "provider",
        "number",
        "assistant",
    ),
    *(
        "assistantId",
        "squad",
        "customer",
        "customers",
        "phoneNumberId",
        "input",
        "messages",
        "queries",
        "hooks",
        "type",
    ),
    *(
        "firstMessage",
        "schedulePlan",
        "metadata",
        "apiKey",
        "schema",
        "sessionId",
        "assistantOverrides",
        "analysisPlan",
    ),
)
PLAUSIBLE: dict[str, Any] = {
    "name": "x",
    "type": "function",
    "provider": "openai",
    "apiKey": "k",
    "function": {"name": "f", "parameters": {"type": "object"}},
    "model": {"provider": "openai", "model": "gpt-4o", "messages": [{"role": "system", "content": "{{ now }}"}]},
    "members": [{"assistant": {"model": {"provider": "openai", "model": "gpt-4o"}}}],
    "queries": [{"table": "call", "name": "q", "operations": [{"operation": "count", "column": "id"}]}],
    "schema": {"type": "object"},
    "number": "+14155550100",
    "input": "hello",
}


def spoilt(randomly: random.Random) -> dict[str, Any]:
    """A body with something odd in one to three places, at the top or below it."""
    body: dict[str, Any] = json.loads(json.dumps(PLAUSIBLE))
    for _ in range(randomly.randint(1, 3)):
        place = body
        name = randomly.choice(FIELDS)
        while isinstance(inner := place.get(name), dict) and inner and randomly.random() < 0.7:
            place, name = inner, randomly.choice(list(inner))
        place[name] = randomly.choice(ODD)
    return body


def requests(operations: dict[str, Any], randomly: random.Random) -> Iterator[tuple[str, str, bytes | None]]:
    """Method, path with its query, and body."""
    for path, methods in operations.items():
        if path in WITHOUT_END:
            continue
        paths = [path.replace("{id}", id_) for id_ in IDS] if "{id}" in path else [path]
        for method in methods:
            if method in ("get", "delete"):
                yield from ((method, f"{one}?{query}", None) for one in paths for query in QUERIES)
                continue
            bodies = [*NO_OBJECTS, *(json.dumps(spoilt(randomly)).encode() for _ in range(BODIES))]
            yield from ((method, randomly.choice(paths), body) for body in bodies)


@pytest.mark.timeout(90)
async def test_whatever_comes_is_answered_in_shape(api: House) -> None:
    randomly = random.Random(SEED)
    api.plane.answer = {"id": "c-1"}
    faults = []
    for method, path, body in requests(api.app.openapi()["paths"], randomly):
        response = await api.client.request(
            method, path, content=body, headers={"Content-Type": "application/json"} if body is not None else {}
        )
        if response.status_code >= 500 or not _in_shape(response):
            faults.append(f"{response.status_code} {method} {path} {(body or b'')[:300]!r}")
    assert not faults, "\n".join(faults[:10])


def _in_shape(response: httpx.Response) -> bool:
    if response.status_code < 400:
        return True
    told = response.json()
    return set(told) == {"message", "error", "statusCode"} and told["statusCode"] == response.status_code
