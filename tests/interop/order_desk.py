"""A squad of two made by REST, as a developer would: a desk that looks orders up, and billing.

The language model behind it is OpenAI's emulator, which follows this script; ears and voices are the embedded ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.interop.hook_server import HookServer
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.interop.tool_server import ToolServer
from tests.peers import speech
from tests.peers.ports import LOOPBACK, free_port
from tests.providers.emulators.answers import Answer, Asked, Called
from tests.providers.emulators.emulator import running
from tests.providers.emulators.openai_chat import OpenAiChat

KEY = "sk-bootstrap-for-the-order-desk-0123456789"
SHIPPED = "The order was shipped yesterday."
BILLING = "This is billing. You have paid everything."
ORDER, MONEY = "Where is my order?", "I have a question about billing."
MESSAGES = [
    *("assistant.started", "conversation-update", "end-of-call-report", "hang", "speech-update", "status-update"),
    *("tool-calls", "transcript", "transfer-update", "user-interrupted", "model-output", "assistant.speechStarted"),
]


def answer(asked: Asked) -> Answer:
    """What the model says next."""
    role, text = asked.messages[-1]
    if any(role == "system" and "You are billing" in text for role, text in asked.messages):
        return Answer(BILLING)
    if role == "tool":
        return Answer(SHIPPED)
    if "transferCall" in asked.tools and "question" in text:
        return Answer(calls=[Called("transferCall", json.dumps({"destination": "Billing"}), id="call_billing")])
    return Answer(calls=[Called("lookup_order", json.dumps({"number": "1234"}), id="call_order")])


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """A running product in which the squad exists. `client` speaks to its REST API."""

    client: httpx.AsyncClient
    hooks: HookServer
    tools: ToolServer
    squad_id: str
    says: dict[str, Path]

    async def create_call(self, **body: Any) -> dict[str, Any]:
        """POST /call for the squad."""
        wanted = {"squadId": self.squad_id, "squadOverrides": {"variableValues": {"shop": "Baker"}}, **body}
        answered = await self.client.post("/call", json=wanted, headers={"Idempotency-Key": json.dumps(body)})
        assert answered.status_code == 201, answered.text
        return dict(answered.json())

    async def call(self, call_id: str) -> dict[str, Any]:
        """GET /call/ID."""
        answered = await self.client.get(f"/call/{call_id}")
        assert answered.status_code == 200, answered.text
        return dict(answered.json())

    async def reported(self, call_id: str, seconds: float = 30) -> dict[str, Any]:
        """The end-of-call report, once it has come."""
        for _ in range(int(seconds * 20)):
            if found := [one for one in self.hooks.of("end-of-call-report") if one["call"]["id"] == call_id]:
                return found[0]
            await asyncio.sleep(0.05)
        raise AssertionError(f"No report of {call_id}; there came {[one['type'] for one in self.hooks.messages]}.")


@asynccontextmanager
async def order_desk(folder: Path, database_url: str) -> AsyncIterator[OrderDesk]:
    """The product, the model, the servers of tools and hooks, and the squad."""
    port = free_port()
    changes: dict[str, Any] = {
        "api": {"enabled": True, "port": port, "bootstrap_key": KEY},
        "media": {"port": free_port()},
        "store": {"url": database_url},
        "egress": {"allow": ["127.0.0.0/8"]},
        "outbound": {"direct": [LOOPBACK]},
    }
    model, hooks, tools = OpenAiChat(answer), HookServer(), ToolServer(lambda name, arguments: "shipped yesterday")
    says = await asyncio.to_thread(_spoken, folder)
    async with running(model), running_product(ProductPlan(folder, fake_assistant(), changes=changes)):
        with hooks.serving(), tools.serving():
            headers = {"Authorization": f"Bearer {KEY}"}
            async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", headers=headers, timeout=30) as client:
                squad_id = await _squad(client, model, hooks, tools)
                yield OrderDesk(client, hooks, tools, squad_id, says)


def _spoken(folder: Path) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"order": ORDER, "invoice": MONEY}
    return {name: speech.write_wav(folder / f"{name}.wav", speech.synthetic(text)) for name, text in texts.items()}


async def _squad(client: httpx.AsyncClient, model: OpenAiChat, hooks: HookServer, tools: ToolServer) -> str:
    await _made(client, "/credential", {"provider": "custom-llm", "apiKey": model.key})
    function = {
        "name": "lookup_order",
        "description": "Looks up an order.",
        "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
    }
    tool = await _made(
        client,
        "/tool",
        {
            "type": "function",
            "function": function,
            "server": {"url": tools.url},
            "messages": [{"type": "request-start", "content": "Let me look."}],
        },
    )
    desk = await _made(client, "/assistant", _assistant("Desk", "Hello, {{shop}}'s desk.", model, hooks, [tool]))
    billing = await _made(client, "/assistant", _assistant("Billing", "", model, hooks, []))
    members = [
        {
            "assistantId": desk,
            "assistantDestinations": [
                {"type": "assistant", "assistantName": "Billing", "message": "One moment.", "description": "invoices"}
            ],
        },
        {"assistantId": billing},
    ]
    return await _made(client, "/squad", {"name": "Shop", "members": members})


def _assistant(name: str, first: str, model: OpenAiChat, hooks: HookServer, tool_ids: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "firstMessage": first,
        "model": {
            "provider": "custom-llm",
            "url": model.api_url,
            "model": "scripted",
            "messages": [{"role": "system", "content": f"You are {name.lower()} of {{{{shop}}}}."}],
            "toolIds": tool_ids,
        },
        "server": {"url": hooks.url},
        "serverMessages": MESSAGES,
        "analysisPlan": {"summaryPlan": {"enabled": False}, "successEvaluationPlan": {"enabled": False}},
    }


async def _made(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> str:
    answered = await client.post(path, json=body)
    assert answered.status_code == 201, answered.text
    return str(answered.json()["id"])
