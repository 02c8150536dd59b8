"""The demo shop's order service."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gateway.demo.orders import ORDERS, order_state, orders_app


async def post(body: object) -> httpx.Response:
    transport = httpx.ASGITransport(orders_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        return await client.post("/tools", json=body)


def message(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"message": {"type": "tool-calls", "toolCallList": list(calls), "call": {"id": "c"}}}


ARGUMENTS = {"order_number": "1234"}


@pytest.mark.parametrize(
    "call",
    [
        {"id": "t1", "name": "lookup_order", "arguments": ARGUMENTS},
        {"id": "t1", "type": "function", "function": {"name": "lookup_order", "arguments": ARGUMENTS}},
        {"id": "t1", "type": "function", "function": {"name": "lookup_order", "arguments": json.dumps(ARGUMENTS)}},
    ],
)
async def test_an_order_is_found_in_every_shape_of_a_call(call: dict[str, Any]) -> None:
    answer = await post(message(call))
    assert answer.status_code == 200
    assert answer.json() == {"results": [{"toolCallId": "t1", "name": "lookup_order", "result": ORDERS["1234"]}]}


async def test_each_call_gets_its_result_in_order() -> None:
    calls = [
        {"id": number, "name": "lookup_order", "arguments": {"order_number": number}} for number in ("4821", "9999")
    ]
    results = (await post(message(*calls))).json()["results"]
    assert [result["toolCallId"] for result in results] == ["4821", "9999"]
    assert results[1]["result"] == "There is no such order."


async def test_a_tool_that_is_not_ours_is_an_error_of_that_call() -> None:
    (result,) = (await post(message({"id": "t", "name": "refund", "arguments": {}}))).json()["results"]
    assert result == {"toolCallId": "t", "error": "There is no tool refund."}


async def test_other_messages_are_refused() -> None:
    assert (await post({"message": {"type": "status-update"}})).status_code == 400
    assert (await post({})).status_code == 422


@pytest.mark.parametrize(
    ("number", "known"), [("1 2 3 4", True), ("#1234", True), (1234, True), ("12345", False), ("", False)]
)
def test_a_number_counts_however_it_is_written(number: object, known: bool) -> None:
    assert (order_state({"order_number": number}) == ORDERS["1234"]) is known


def test_a_missing_number_is_told() -> None:
    assert order_state({}) == "No order number was given."
