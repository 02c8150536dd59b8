"""What tools ask of servers, against Vapi's own description."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gateway.assistant.section import Server
from tests.tools.scene import Scene
from tests.tools.test_function import order
from tests.vapi.contract import contract

OWN = Server(url="http://own.test/")
CALL = {
    "id": "0b7c1a5e-0000-4000-8000-000000000001",
    "orgId": "0b7c1a5e-0000-4000-8000-000000000002",
    "type": "inboundPhoneCall",
    "status": "in-progress",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "updatedAt": "2026-01-01T00:00:00.000Z",
    "customer": {"number": "+15550001"},
}
NUMBER = {"provider": "vapi", "number": "+15550002"}
MESSAGES = [
    {"type": "request-start", "content": "Wait.", "conditions": [{"param": "id", "operator": "eq", "value": "7"}]},
    {"type": "request-complete", "role": "system", "content": "Be brief."},
]


@pytest.mark.parametrize(
    ("tool", "schema"),
    [
        (order(messages=MESSAGES, parameters=[{"key": "a", "value": 1}]), "ServerMessageToolCalls"),
        ({"type": "transferCall"}, "ServerMessageTransferDestinationRequest"),
        ({"type": "handoff", "destinations": [{"type": "dynamic"}]}, "ServerMessageHandoffDestinationRequest"),
    ],
)
async def test_a_message_is_as_vapi_describes_it(tool: dict[str, Any], schema: str) -> None:
    scene = Scene(
        tool,
        server=OWN,
        said=[("user", "My order.")],
        answer=lambda _: httpx.Response(200, json={}),
        call=CALL,
        phone_number=NUMBER,
    )
    await scene.use(scene.toolbox.definitions[0].name, id="7")
    (message,) = json.loads(scene.requests[0].content).values()
    for entry in message.get("toolCallList", []):
        assert isinstance(entry["function"]["arguments"], dict), "as Vapi sends them; its document says a text"
        entry["function"]["arguments"] = json.dumps(entry["function"]["arguments"])
    for entry in message.get("toolWithToolCallList", []):
        entry["toolCall"]["function"]["arguments"] = json.dumps(entry["toolCall"]["function"]["arguments"])
    assert contract().faults(schema, message) == []
