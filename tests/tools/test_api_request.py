from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.scene import Scene


def request(**fields: Any) -> dict[str, Any]:
    return {"type": "apiRequest", "name": "book", "method": "POST", "url": "https://api.test/book", **fields}


BODY = {
    "type": "object",
    "properties": {
        "day": {"type": "string"},
        "source": {"type": "string", "value": "phone of {{customer.number}}"},
        "seats": {"type": "integer", "default": 2},
        "who": {"type": "object", "properties": {"name": {"type": "string"}, "vip": {"const": True}}},
    },
    "required": ["day", "source"],
}
VARIABLES = {"customer": {"number": "+1555"}, "token": "tk"}


async def test_the_model_fills_in_what_is_not_fixed() -> None:
    headers = {"type": "object", "properties": {"X-Token": {"value": "{{token}}"}}}
    tool = request(body=BODY, headers=headers, parameters=[{"key": "org", "value": "{{token}}-7"}])
    scene = Scene(tool, variables=VARIABLES, answer=lambda _: httpx.Response(201, json={"id": 9}))
    (definition,) = scene.toolbox.definitions
    assert set(definition.parameters["properties"]) == {"day", "seats", "who"}
    assert definition.parameters["required"] == ["day"]
    assert set(definition.parameters["properties"]["who"]["properties"]) == {"name"}

    outcome = await scene.use("book", day="Monday", source="forged", who={"name": "Ada", "vip": False}, other=1)
    (sent,) = scene.requests
    assert json.loads(sent.content) == {
        "day": "Monday",
        "source": "phone of +1555",
        "seats": 2,
        "who": {"name": "Ada", "vip": True},
        "org": "tk-7",
    }
    assert (sent.headers["x-token"], sent.headers["content-type"]) == ("tk", "application/json")
    assert (outcome.ok, json.loads(outcome.result)) == (True, {"id": 9})


async def test_a_get_has_its_values_in_the_url() -> None:
    body = {"type": "object", "properties": {"id": {"type": "string"}, "unit": {"type": "string"}}}
    scene = Scene(request(method="GET", url="https://api.test/{{ id }}/eta?v=1", body=body))
    await scene.use("book", id="a/b?c", unit="min")
    (sent,) = scene.requests
    assert (sent.method, str(sent.url)) == ("GET", "https://api.test/a%2Fb%3Fc/eta?v=1&unit=min")
    assert sent.content == b""


@pytest.mark.parametrize("host", ["evil.test", "evil.test/", "api.test@evil.test", "a#"])
async def test_the_model_does_not_say_where_a_request_goes(host: str) -> None:
    scene = Scene(request(url="https://{{host}}.api.test/x"))
    assert not (await scene.use("book", host=host)).ok
    assert not scene.requests


@given(st.text())
async def test_whatever_the_model_gives_the_request_goes_to_the_same_place(text: str) -> None:
    scene = Scene(request(url="https://api.test/a/{{x}}/b"))
    await scene.use("book", x=text)
    for sent in scene.requests:
        assert (sent.url.host, sent.url.scheme) == ("api.test", "https")
        assert sent.url.raw_path.startswith(b"/a/")
        assert sent.url.raw_path.endswith(b"/b")


async def test_the_response_gives_variables() -> None:
    plan = {"aliases": [{"key": "first", "value": "{{$[0].name}}"}]}
    scene = Scene(
        request(variableExtractionPlan=plan), answer=lambda _: httpx.Response(200, json=[{"name": "Ada"}, {}])
    )
    await scene.use("book")
    assert scene.port.variables["first"] == "Ada"


async def test_an_error_is_told_with_its_text() -> None:
    scene = Scene(request(), answer=lambda _: httpx.Response(409, text="taken"))
    outcome = await scene.use("book")
    assert (outcome.ok, outcome.result) == (False, "The server answered with the error 409: taken")


async def test_a_get_waits_for_nothing_because_it_may_be_sent_again() -> None:
    scene = Scene(request(method="GET"))
    scene.port.kept = False
    assert (await scene.use("book")).ok
