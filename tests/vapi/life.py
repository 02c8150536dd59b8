"""The life of everything that Vapi's Python SDK has a core operation for, held by the SDK itself.

Run by the SDK's own interpreter, which has nothing of Parley: `python life.py BASE_URL KEY`. Prints a line of JSON for
each operation: its name, what went over the wire, and what the SDK made of it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
from vapi import Vapi  # type: ignore[import-not-found]

ASSISTANT: dict[str, Any] = {
    "name": "Order desk",
    "first_message": "Hello {{customer.name}}.",
    "model": {
        "provider": "custom-llm",
        "url": "https://llm.example.com/v1",
        "model": "small",
        "messages": [{"role": "system", "content": "You are brief."}],
    },
    "voice": {"provider": "11labs", "voiceId": "burt"},
    "transcriber": {"provider": "deepgram", "model": "nova-3", "language": "en"},
    "max_duration_seconds": 300,
    "end_call_phrases": ["goodbye"],
    "server": {"url": "https://hooks.example.com/vapi", "timeoutSeconds": 20},
}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "lookup_order",
        "description": "Looks up an order.",
        "parameters": {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]},
    },
    "server": {"url": "https://hooks.example.com/tools"},
}
SPEAKS: dict[str, Any] = {"name": "Embedded", "firstMessage": "Hello from the other side."}
"""Needs no key: it can really be called, and chatted with."""


class Life:
    """Does one operation after the other and tells each."""

    def __init__(self, base_url: str, key: str) -> None:
        self._wire: list[httpx.Response] = []
        client = httpx.Client(event_hooks={"response": [self._keep]}, timeout=600, follow_redirects=True)
        self.vapi = Vapi(token=key, base_url=base_url, timeout=600, httpx_client=client)

    def _keep(self, response: httpx.Response) -> None:
        response.read()
        self._wire.append(response)

    def do(self, operation: str, act: Callable[[], Any]) -> Any:
        """Do it; an error of the SDK is told, and ends nothing."""
        self._wire.clear()
        result, error = None, None
        try:
            result = act()
        except Exception as fault:  # noqa: BLE001  border: whatever the SDK raises is the finding
            error = f"{type(fault).__name__}: {fault}"
        told = {"operation": operation, "error": error, "made": type(result).__name__, "wire": self._told()}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        return result

    def _told(self) -> list[dict[str, Any]]:
        return [
            {
                "method": response.request.method,
                "path": response.request.url.raw_path.decode().split("?")[0],
                "status": response.status_code,
                "json": _json(response),
            }
            for response in self._wire
        ]


def _json(response: httpx.Response) -> Any:
    if not response.headers.get("content-type", "").startswith("application/json"):
        return None
    return response.json()


def live(life: Life) -> None:
    """All of it."""
    vapi, do = life.vapi, life.do
    assistant = do("assistants.create", lambda: vapi.assistants.create(**ASSISTANT))
    do("assistants.list", lambda: vapi.assistants.list(limit=10))
    do("assistants.get", lambda: vapi.assistants.get(assistant.id))
    do("assistants.update", lambda: vapi.assistants.update(assistant.id, first_message="Good day."))

    tool = do("tools.create", lambda: vapi.tools.create(request=TOOL))
    do("tools.list", lambda: vapi.tools.list())
    do("tools.get", lambda: vapi.tools.get(tool.id))
    renamed = {**TOOL, "async": False}
    do("tools.update", lambda: vapi.tools.update(tool.id, request=renamed))

    members = [{"assistantId": assistant.id}, {"assistant": SPEAKS}]
    squad = do("squads.create", lambda: vapi.squads.create(name="Desk", members=members))
    do("squads.list", lambda: vapi.squads.list())
    do("squads.get", lambda: vapi.squads.get(squad.id))
    do("squads.update", lambda: vapi.squads.update(squad.id, name="Front desk", members=members))

    number = {"provider": "vapi", "sipUri": "sip:life@parley.example.com", "assistantId": assistant.id}
    phone = do("phone_numbers.create", lambda: vapi.phone_numbers.create(request=number))
    do("phone_numbers.list", lambda: vapi.phone_numbers.list())
    do("phone_numbers.page", lambda: vapi.phone_numbers.phone_number_controller_find_all_paginated(page=1, limit=5))
    do("phone_numbers.get", lambda: vapi.phone_numbers.get(phone.id))
    do(
        "phone_numbers.update",
        lambda: vapi.phone_numbers.update(phone.id, request={"provider": "vapi", "name": "Main line"}),
    )

    file = do("files.create", lambda: vapi.files.create(file=("prices.txt", b"Bread 2 euros.", "text/plain")))
    do("files.list", lambda: vapi.files.list())
    do("files.get", lambda: vapi.files.get(file.id))
    do("files.update", lambda: vapi.files.update(file.id, name="prices-2026.txt"))

    hold_calls(life)
    speaker = do("assistants.create (embedded)", lambda: vapi.assistants.create(**snake(SPEAKS)))
    chat = do("chats.create", lambda: vapi.chats.create(input="Hello?", assistant_id=speaker.id))
    do("chats.get", lambda: vapi.chats.get(chat.id))
    do("chats.list", lambda: vapi.chats.list())
    do("chats.delete", lambda: vapi.chats.delete(chat.id))
    session = do("sessions.create", lambda: vapi.sessions.create(name="visit", assistant_id=speaker.id))
    do("sessions.get", lambda: vapi.sessions.get(session.id))
    do("sessions.list", lambda: vapi.sessions.list())
    do("sessions.update", lambda: vapi.sessions.update(session.id, name="second visit"))
    do("sessions.delete", lambda: vapi.sessions.delete(session.id))

    query = {
        "table": "call",
        "name": "Calls by end",
        "operations": [{"operation": "count", "column": "id"}, {"operation": "sum", "column": "cost"}],
        "groupBy": ["endedReason"],
    }
    do("analytics.get", lambda: vapi.analytics.get(queries=[query]))
    walk_empty_lists(life)

    do("squads.delete", lambda: vapi.squads.delete(squad.id))
    do("tools.delete", lambda: vapi.tools.delete(tool.id))
    do("phone_numbers.delete", lambda: vapi.phone_numbers.delete(phone.id))
    do("files.delete", lambda: vapi.files.delete(file.id))
    do("assistants.delete", lambda: vapi.assistants.delete(assistant.id))
    do("assistants.get (deleted)", lambda: vapi.assistants.get(assistant.id))


def hold_calls(life: Life) -> None:
    """A call that is waited for, one that is deleted while it waits, and what is left of them."""
    vapi, do = life.vapi, life.do
    transport = {"provider": "vapi.websocket", "audioFormat": {"format": "pcm_s16le", "sampleRate": 16000}}
    call = do("calls.create", lambda: vapi.calls.create(assistant=SPEAKS, transport=transport, name="by SDK"))
    do("calls.get", lambda: vapi.calls.get(call.id))
    do("calls.list", lambda: vapi.calls.list(limit=5))
    do("calls.update", lambda: vapi.calls.update(call.id, name="renamed"))
    sys.stdout.write(json.dumps({"hold": call.id, "url": _transport_url(call)}) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()
    deadline = time.monotonic() + 60
    while vapi.calls.get(call.id).status != "ended" and time.monotonic() < deadline:
        time.sleep(0.5)
    for name in ("mono", "stereo", "customer", "assistant"):
        download = getattr(vapi.calls, f"call_artifact_controller_{name}_recording_download")
        do(f"calls.{name}_recording", partial(download, call.id))
    do("calls.logs", lambda: vapi.calls.call_artifact_controller_call_logs_download(call.id))
    do("calls.get (ended)", lambda: vapi.calls.get(call.id))
    do("calls.delete", lambda: vapi.calls.delete(call.id))


def walk_empty_lists(life: Life) -> None:
    """What a client that walks all resources asks for."""
    vapi, do = life.vapi, life.do
    do("campaigns.list", lambda: vapi.campaigns.campaign_controller_find_all())
    do("evals.list", lambda: vapi.eval.eval_controller_get_paginated())
    do("structured_outputs.list", lambda: vapi.structured_outputs.structured_output_controller_find_all())
    do("knowledge_bases.list", lambda: vapi.knowledge_bases_v_2.knowledge_base_v_2_controller_find_all())
    do("boards.list", lambda: vapi.board.board_controller_find_all())
    do("insights.list", lambda: vapi.insight.insight_controller_find_all())


def _transport_url(call: Any) -> str:
    """The SDK keeps what it does not know under the name that it came with."""
    return str(json.loads(call.transport.json(by_alias=True))["websocketCallUrl"])


def snake(body: dict[str, Any]) -> dict[str, Any]:
    """The names of the SDK's arguments."""
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): value for name, value in body.items()}


if __name__ == "__main__":
    live(Life(sys.argv[1], sys.argv[2]))
