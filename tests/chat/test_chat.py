"""Chats over HTTP, with an emulated server of OpenAI's kind as the model and an HTTP server as the tool."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.egress.connections import guard_loop
from gateway.egress.guard import Guard
from gateway.settings import EgressSettings
from gateway.store import outbox
from gateway.store.clock import clock
from tests.api.house import House, house
from tests.providers.emulators.answers import Answer, Asked, Called
from tests.providers.emulators.emulator import running
from tests.providers.emulators.openai_chat import OpenAiChat
from tests.vapi.contract import contract

LOOKUP = {
    "type": "function",
    "function": {"name": "lookup", "parameters": {"type": "object", "properties": {"order": {"type": "string"}}}},
    "server": {"url": "http://tools.test/tools"},
}


def clerk(asked: Asked) -> Answer:
    """Looks an order up when it is asked for one, else tells what it heard."""
    role, text = asked.messages[-1]
    if role == "tool":
        return Answer(f"It {text}.")
    if "order" in text and "lookup" in asked.tools:
        return Answer(calls=[Called("lookup", '{"order": "4711"}')])
    heard = [said for who, said in asked.messages if who == "user"]
    instruction = next((said for who, said in asked.messages if who == "system"), "")
    return Answer(f"{instruction} I heard {' and '.join(heard)}.".strip())


class Desk:
    """`api` with an assistant whose model is emulated; `asked` is what its tool server got."""

    def __init__(self, api: House, assistant: dict[str, Any]) -> None:
        self.api = api
        self.assistant = assistant
        self.asked: list[dict[str, Any]] = []

    async def chat(self, text: Any, **fields: Any) -> dict[str, Any]:
        who = {} if fields.keys() & {"sessionId", "previousChatId", "assistantId", "assistant"} else self.who
        answer = await self.api.client.post("/chat", json={"input": text, **who, **fields})
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    @property
    def who(self) -> dict[str, Any]:
        return {"assistantId": self.assistant["id"]}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with house(tmp_path) as api, running(server := OpenAiChat(clerk, key="")):
        settings = api.context.settings.model_copy(update={"egress": EgressSettings(allow=["127.0.0.1"])})
        made: list[Desk] = []

        async def tools(request: Request) -> JSONResponse:
            made[0].asked.append(await request.json())
            call = made[0].asked[-1]["message"]["toolCallList"][0]
            return JSONResponse({"results": [{"toolCallId": call["id"], "result": "was sent"}]})

        app = Starlette(routes=[Route("/tools", tools, methods=["POST"])])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            api.app.state.context = replace(api.context, settings=settings, client=client)
            model = {"provider": "custom-llm", "model": "m", "url": server.api_url, "metadataSendMode": "off"}
            tool = (await api.client.post("/tool", json=LOOKUP)).json()
            instruction = {"role": "system", "content": "{{transport.conversationType}} for {{ name }}:"}
            body = {"name": "Clerk", "model": {**model, "messages": [instruction], "toolIds": [tool["id"]]}}
            answer = await api.client.post("/assistant", json=body)
            assert answer.status_code == 201, answer.text
            made.append(Desk(api, answer.json()))
            yield made[0]
            if models := getattr(api.app.state, "models", None):
                await models.close()


async def test_an_assistant_answers_by_text_with_its_variables(desk: Desk) -> None:
    told = await desk.chat("Hello", assistantOverrides={"variableValues": {"name": "Ada"}})
    assert told["output"] == [{"role": "assistant", "content": "chat for Ada: I heard Hello."}]
    assert told["messages"][0]["content"] == "Hello"
    assert told["assistantId"] == desk.assistant["id"]
    assert [cost["type"] for cost in told["costs"]] == ["model", "chat"]
    assert told["costs"][0]["completionTokens"] == 6
    kept = await desk.api.client.get(f"/chat/{told['id']}")
    assert kept.json() == told


async def test_a_tool_is_called_without_a_telephone(desk: Desk) -> None:
    told = await desk.chat("Where is my order?")
    assert [message["role"] for message in told["output"]] == ["assistant", "tool", "assistant"]
    assert told["output"][1]["content"] == "was sent"
    assert told["output"][2]["content"] == "It was sent."
    asked = desk.asked[0]["message"]
    assert (asked["type"], asked["toolCallList"][0]["arguments"]) == ("tool-calls", {"order": "4711"})


async def test_a_chat_goes_on_from_an_earlier_one(desk: Desk) -> None:
    first = await desk.chat("One", assistantOverrides={"variableValues": {"name": "Ada"}})
    second = await desk.chat("Two", previousChatId=first["id"])
    assert second["output"][0]["content"] == "chat for Ada: I heard One and Two."
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
    page = (await desk.api.client.get("/chat", params={"previousChatId": first["id"]})).json()
    assert [chat["id"] for chat in page["results"]] == [second["id"]]


async def test_a_session_carries_the_conversation_on(desk: Desk) -> None:
    session = (await desk.api.client.post("/session", json={**desk.who, "name": "Mine"})).json()
    assert session["status"] == "active"
    await desk.chat("One", sessionId=session["id"])
    told = await desk.chat("Two", sessionId=session["id"])
    assert told["output"][0]["content"].endswith("I heard One and Two.")
    kept = (await desk.api.client.get(f"/session/{session['id']}")).json()
    assert [message["role"] for message in kept["messages"]] == ["user", "assistant", "user", "assistant"]
    changed = await desk.api.client.patch(f"/session/{session['id']}", json={"status": "completed"})
    assert changed.json()["status"] == "completed"
    late = await desk.api.client.post("/chat", json={"input": "Three", "sessionId": session["id"]})
    assert (late.status_code, late.json()["message"]) == (400, ["sessionId names a session that is completed"])
    page = (await desk.api.client.get("/session", params=desk.who)).json()
    assert [one["id"] for one in page["results"]] == [session["id"]]
    assert (await desk.api.client.delete(f"/session/{session['id']}")).json()["id"] == session["id"]


async def test_a_squad_answers_by_its_first_member(desk: Desk) -> None:
    member = {**desk.who, "assistantOverrides": {"variableValues": {"name": "Bob"}}}
    squad = (await desk.api.client.post("/squad", json={"members": [member]})).json()
    answer = await desk.api.client.post("/chat", json={"input": "Hello", "squadId": squad["id"]})
    assert answer.json()["output"][0]["content"] == "chat for Bob: I heard Hello."


def data_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]


async def test_an_answer_is_streamed_as_vapi_does(desk: Desk) -> None:
    answer = await desk.api.client.post("/chat", json={"input": "Hello", "stream": True, **desk.who})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = data_of(answer.text)
    assert len(events) > 2
    assert {event["path"] for event in events} == {"chat.output[0].content"}
    kept = (await desk.api.client.get(f"/chat/{events[0]['id']}")).json()
    assert "".join(event["delta"] for event in events) == kept["output"][0]["content"]


async def test_responses_are_openais(desk: Desk) -> None:
    request = {"input": "Hello", **desk.who}
    whole = (await desk.api.client.post("/chat/responses", json={**request, "stream": False})).json()
    assert whole["output"][0]["content"][0]["text"] == "chat for : I heard Hello."
    assert whole["status"] == "completed"
    streamed = await desk.api.client.post("/chat/responses", json={**request, "stream": True})
    events = data_of(streamed.text)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.completed")
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == events[-1]["response"]["output"][0]["content"][0]["text"]


async def test_a_web_page_chats_with_a_public_key(desk: Desk) -> None:
    request = {"input": "Hello", **desk.who, "assistantOverrides": {"variableValues": {"name": "Eve"}}}
    told = (await desk.api.public.post("/chat/web", json=request)).json()
    assert told["output"][0]["content"] == "chat for Eve: I heard Hello."
    again = {"input": "Bye", "sessionId": told["sessionId"], "sessionEnd": True}
    assert "Hello and Bye" in (await desk.api.public.post("/chat/web", json=again)).json()["output"][0]["content"]
    assert (await desk.api.public.post("/chat/web", json=again)).status_code == 400
    own = {"input": "Hello", "assistant": {"model": {"provider": "custom-llm", "url": "https://evil.example"}}}
    assert (await desk.api.public.post("/chat/web", json=own)).status_code == 400
    assert (await desk.api.public.post("/chat", json=request)).status_code == 403


async def test_another_organisation_sees_nothing(desk: Desk) -> None:
    told = await desk.chat("Hello")
    assert (await desk.api.stranger.get(f"/chat/{told['id']}")).status_code == 404
    assert (await desk.api.stranger.delete(f"/chat/{told['id']}")).status_code == 404
    request = {"input": "Hello", "previousChatId": told["id"]}
    assert (await desk.api.stranger.post("/chat", json=request)).status_code == 400
    assert (await desk.api.stranger.post("/chat", json={"input": "x", **desk.who})).status_code == 400


async def test_a_deleted_chat_is_gone(desk: Desk) -> None:
    told = await desk.chat("Hello")
    assert (await desk.api.client.delete(f"/chat/{told['id']}")).json()["id"] == told["id"]
    assert (await desk.api.client.get(f"/chat/{told['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "input is required"),
        ({"input": "x"}, "must say who answers"),
        ({"input": "x", "assistantId": "no"}, "assistantId names no assistant"),
        ({"input": "x", "sessionId": "no"}, "sessionId names no session"),
        ({"input": "x", "sessionId": "a", "previousChatId": "b"}, "must not be given together"),
        ({"input": "x", "assistant": {"model": {"provider": "no"}}}, "assistant.model.provider must be one of"),
        ({"input": "x", "assistant": {"model": {"provider": "openai", "model": "m"}}}, "needs a key"),
        (
            {"input": "x", "assistant": {"model": {"provider": "custom-llm", "model": "m", "url": "http://10.0.0.1"}}},
            "10.0.0.1",
        ),
        ({"input": {"a": 1}, "assistantId": "x"}, "input"),
    ],
)
async def test_what_cannot_be_answered_is_refused(desk: Desk, body: dict[str, Any], problem: str) -> None:
    for path in ("/chat", "/chat/responses"):
        answer = await desk.api.client.post(path, json=body)
        assert answer.status_code == 400
        assert problem in json.dumps(answer.json()["message"])


async def test_a_model_that_fails_is_told_and_nothing_is_kept(desk: Desk) -> None:
    assistant = {
        "model": {"provider": "custom-llm", "model": "m", "url": "http://127.0.0.1:1", "metadataSendMode": "off"}
    }
    answer = await desk.api.client.post("/chat", json={"input": "x", "assistant": assistant})
    assert (answer.status_code, "did not answer" in answer.json()["message"]) == (400, True)
    streamed = await desk.api.client.post("/chat", json={"input": "x", "assistant": assistant, "stream": True})
    assert streamed.text.startswith("event: error")
    assert (await desk.api.client.get("/chat")).json()["results"] == []


async def test_a_server_hears_of_chats_that_it_subscribes_to(desk: Desk) -> None:
    claimed = {"url": "https://example.com/hook", "secret": "hush", "operators": True}
    server = {"server": claimed, "serverMessages": ["chat.created", "chat.deleted"]}
    assistant = {**server, "model": {k: v for k, v in desk.assistant["model"].items() if k != "toolIds"}}
    told = await desk.chat("Hello", assistant=assistant)
    await desk.api.client.delete(f"/chat/{told['id']}")
    async with desk.api.context.database.transaction() as session:
        due = await outbox.claim(session, clock.now(), lease=lambda _: timedelta(seconds=1))
    bodies = [json.loads(one.body) for one in due]
    assert [body["message"]["type"] for body in bodies] == ["chat.created"]
    assert bodies[0]["message"]["chat"]["id"] == told["id"]
    assert due[0].server == {"url": "https://example.com/hook", "secret": "hush"}
    assert "hush" not in due[0].body


async def test_a_model_is_connected_to_within_the_guard_of_the_process(desk: Desk) -> None:
    await desk.chat("Hello")
    guard_loop(asyncio.get_running_loop(), Guard())
    await desk.api.app.state.models.close()
    del desk.api.app.state.models
    answer = await desk.api.client.post("/chat", json={"input": "Hello", **desk.who})
    assert (answer.status_code, "did not answer" in answer.json()["message"]) == (400, True)


async def test_answers_are_as_vapis_document_describes_them(desk: Desk) -> None:
    session = (await desk.api.client.post("/session", json=desk.who)).json()
    told = await desk.chat("Where is my order?", sessionId=session["id"])
    sessions, chats = [(await desk.api.client.get(path)).json() for path in ("/session", "/chat")]
    response = (await desk.api.client.post("/chat/responses", json={"input": "Hello", **desk.who})).json()
    streamed = await desk.api.client.post("/chat", json={"input": "Hello", "stream": True, **desk.who})
    for name, value in {
        "Session": session,
        "Chat": told,
        "SessionPaginatedResponse": sessions,
        "ChatPaginatedResponse": chats,
        "ResponseObject": {key: value for key, value in response.items() if value is not None},
        "CreateChatStreamResponse": data_of(streamed.text)[0],
    }.items():
        assert contract().faults(name, value) == [], name
