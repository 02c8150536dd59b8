"""The demo shop's order service: an HTTP tool server in Vapi's shape, small enough to copy from.

It takes `POST /tools` with `{"message": {"type": "tool-calls", "toolCallList": [{"id", "name", "arguments"}]}}` and
answers `{"results": [{"toolCallId", "result"}]}`, one result per call, in the same order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field, field_validator

ORDERS: Mapping[str, str] = {
    "1234": "Your order has shipped and arrives on Tuesday.",
    "4821": "Your order is being packed and leaves the warehouse tomorrow.",
    "5550": "Your order was delivered yesterday.",
    "7309": "Your order was cancelled, and the money has been returned.",
}


class Function(BaseModel):
    """OpenAI's way to write a call; `arguments` is an object, or JSON text of one."""

    name: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict)

    @field_validator("arguments", mode="before")
    @classmethod
    def _parsed(cls, value: object) -> object:
        return json.loads(value) if isinstance(value, str) else value


class ToolCall(Function):
    """One tool call, flat or with a `function`."""

    id: str
    function: Function | None = None


class Message(BaseModel):
    type: str
    tool_call_list: list[ToolCall] = Field(default_factory=list, alias="toolCallList")


class Request(BaseModel):
    message: Message


def orders_app() -> FastAPI:
    """The service as an application."""
    app = FastAPI(title="Parley demo orders")

    @app.post("/tools")
    async def tools(request: Request) -> dict[str, list[dict[str, str]]]:
        if request.message.type != "tool-calls":
            raise HTTPException(400, f"expected a tool-calls message, got {request.message.type}")
        return {"results": [_result(call) for call in request.message.tool_call_list]}

    return app


def _result(call: ToolCall) -> dict[str, str]:
    asked = call.function or call
    if asked.name != "lookup_order":
        return {"toolCallId": call.id, "error": f"There is no tool {asked.name}."}
    return {"toolCallId": call.id, "name": asked.name, "result": order_state(asked.arguments)}


def order_state(arguments: Mapping[str, Any]) -> str:
    """What is known of the order that `arguments` name by `order_number`, as a sentence to say."""
    number = re.sub(r"\D", "", str(arguments.get("order_number", "")))
    if not number:
        return "No order number was given."
    return ORDERS.get(number, "There is no such order.")
