from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from gateway.assistant.section import Server
from tests.tools.scene import CALL, Scene, results


def order(**fields: Any) -> dict[str, Any]:
    function = {"name": "order", "parameters": {"type": "object", "properties": {"id": {"type": "integer"}}}}
    return {"type": "function", "function": function, "server": {"url": "http://shop.test/tools"}, **fields}


async def test_the_request_has_the_call_in_every_shape() -> None:
    scene = Scene(order(server={"url": "http://shop.test/tools", "secret": "s3", "headers": {"X-Shop": "7"}}))
    outcome = await scene.use("order", id=7)
    (request,) = scene.requests
    message = json.loads(request.content)["message"]
    entry = {
        "id": "t",
        "type": "function",
        "name": "order",
        "arguments": {"id": 7},
        "parameters": {"id": 7},
        "function": {"name": "order", "arguments": {"id": 7}, "parameters": {"id": 7}},
    }
    assert message["type"] == "tool-calls"
    assert message["toolCallList"] == message["toolCalls"] == [entry]
    (described,) = message["toolWithToolCallList"]
    assert (described["name"], described["toolCall"], described["type"]) == ("order", entry, "function")
    assert "s3" not in request.content.decode(), "a server's secret stays in its header"
    assert (message["call"], message["customer"]) == (CALL, CALL["customer"])
    assert (request.headers["x-vapi-secret"], request.headers["x-shop"]) == ("s3", "7")
    assert request.headers["idempotency-key"] == "call-1:2:t"
    assert (outcome.ok, outcome.result) == (True, "fine")


async def test_the_server_gets_the_conversation_and_the_variables() -> None:
    scene = Scene(order(), said=[("user", "My order, please.")], variables={"name": "Ada"})
    await scene.use("order")
    artifact = json.loads(scene.requests[0].content)["message"]["artifact"]
    assert artifact["messagesOpenAIFormatted"] == [{"role": "user", "content": "My order, please."}]
    assert artifact["variableValues"] == {"name": "Ada"}


async def test_the_record_has_the_whole_exchange() -> None:
    scene = Scene(order(server={"url": "http://u:p@shop.test/tools?key=k1", "secret": "s3"}))
    await scene.use("order", id=7)
    kept = scene.kept
    assert kept["url"] == "http://shop.test/tools?key=***"
    assert (kept["id"], kept["name"], kept["method"], kept["status"], kept["attempts"]) == (
        "t",
        "order",
        "POST",
        200,
        1,
    )
    assert (kept["key"], kept["parse"]) == ("call-1:2:t", "result by its id")
    assert json.loads(kept["request"])["message"]["type"] == "tool-calls"
    assert "fine" in kept["response"]
    assert "s3" not in json.dumps(kept)


async def test_secrets_in_bodies_are_masked_in_the_record() -> None:
    secrets = {"access_token": 'hush "1"', "name": "north"}
    parameters = [{"key": "apiKey", "value": "hush 2"}, {"key": "shop", "value": secrets}]
    scene = Scene(order(parameters=parameters), answer=lambda _: results("x", password="hush 3"))
    await scene.use("order")
    assert b"hush 2" in scene.requests[0].content
    kept = json.dumps(scene.kept)
    assert "north" in kept
    assert "hush" not in kept


async def test_a_request_is_made_again_with_the_same_key() -> None:
    answers = [httpx.Response(503), httpx.Response(429), results("at last")]
    plan = {"type": "exponential", "maxRetries": 3, "baseDelaySeconds": 0}
    scene = Scene(order(server={"url": "http://shop.test/tools", "backoffPlan": plan}), answer=lambda _: answers.pop(0))
    outcome = await scene.use("order")
    assert outcome.result == "at last"
    assert {request.headers["idempotency-key"] for request in scene.requests} == {"call-1:2:t"}
    assert scene.kept["attempts"] == 3


@pytest.mark.parametrize(("excluded", "requests"), [([404], 1), ([500], 3)])
async def test_an_excluded_status_is_final(excluded: list[int], requests: int) -> None:
    plan = {"type": "fixed", "maxRetries": 2, "baseDelaySeconds": 0, "excludedStatusCodes": excluded}
    scene = Scene(order(server={"url": "http://shop.test/", "backoffPlan": plan}), answer=lambda _: httpx.Response(404))
    assert not (await scene.use("order")).ok
    assert len(scene.requests) == requests


async def test_a_credential_signs_the_request() -> None:
    plan = {"type": "hmac", "secretKey": "k", "algorithm": "sha256", "includeTimestamp": False}
    credential = {"id": "c1", "provider": "webhook", "authenticationPlan": plan}
    tool = order(server={"url": "http://shop.test/", "credentialId": "c1"})
    scene = Scene(tool, credentials=[credential])
    await scene.use("order")
    (request,) = scene.requests
    assert request.headers["x-signature"] == hmac.new(b"k", request.content, hashlib.sha256).hexdigest()

    scene = Scene(tool)
    outcome = await scene.use("order")
    assert (outcome.ok, scene.requests) == (False, [])
    assert "There is no credential c1" in outcome.result


async def test_a_tool_without_a_server_uses_the_assistants() -> None:
    scene = Scene(order(server=None), server=Server(url="http://own.test/hook"))
    await scene.use("order")
    assert str(scene.requests[0].url) == "http://own.test/hook"
    assert (await Scene(order(server=None)).use("order")).result == "There is no tool order with a server."


async def test_static_parameters_win_over_the_models() -> None:
    parameters = [{"key": "id", "value": "{{customer.name}}-1"}, {"key": "deep", "value": {"a": ["{{n}}", 2]}}]
    scene = Scene(order(parameters=parameters), variables={"customer": {"name": "ada"}, "n": "one"})
    await scene.use("order", id="made up", x=1)
    arguments = json.loads(scene.requests[0].content)["message"]["toolCallList"][0]["arguments"]
    assert arguments == {"id": "ada-1", "x": 1, "deep": {"a": ["one", 2]}}


async def test_variables_are_taken_from_the_result() -> None:
    plan = {
        "schema": {"type": "object", "properties": {"eta": {"type": "string"}, "n": {"type": "number"}}},
        "aliases": [{"key": "told", "value": "{{eta | upcase}} {{$.items[1].name}}"}],
    }
    result = {"eta": "noon", "n": "3", "secret": 1, "items": [{"name": "a"}, {"name": "b"}]}
    scene = Scene(order(variableExtractionPlan=plan), answer=lambda _: results(result))
    await scene.use("order")
    assert scene.port.variables == {"eta": "noon", "n": 3, "told": "NOON b"}


async def test_an_asynchronous_tool_is_not_waited_for() -> None:
    arrived, release = asyncio.Event(), asyncio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        arrived.set()
        await release.wait()
        return results("too late")

    start = {"type": "request-start", "content": "Never said."}
    done = {"type": "request-complete", "content": "It is under way."}
    scene = Scene(order(**{"async": True}, messages=[start, done]), answer=answer)
    outcome = await scene.use("order")
    assert (outcome.ok, outcome.say, scene.said) == (True, "It is under way.", [])
    await arrived.wait()
    release.set()
    await scene.toolbox.close()
    assert scene.kept["status"] == 200


async def test_what_must_not_be_done_twice_waits_until_it_is_remembered() -> None:
    scene = Scene(order())
    scene.port.kept = False
    outcome = await scene.use("order", id=7)
    assert (outcome.ok, scene.requests) == (False, [])
    assert "record of the call" in outcome.result
