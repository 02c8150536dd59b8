from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.link.v1 import link_pb2 as pb
from gateway.tools import toolbox
from tests.worker.peer import attached, served
from tests.worker.test_conversation import answered, assistant, greeted

Answer = Callable[[dict[str, Any]], Awaitable[tuple[int, str]]]


class ToolService:
    """An HTTP server on loopback that keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.url = ""
        self._answer = answer

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head.split("\r\n")[1:])}
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            self.requests.append((headers, body))
            status, text = await self._answer(body)
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text.encode())}\r\n\r\n{text}".encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def tool_service(answer: Answer) -> AsyncIterator[ToolService]:
    service = ToolService(answer)
    server = await asyncio.start_server(service.handle, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/tools"
    try:
        yield service
    finally:
        server.close()


def results(result: Any) -> str:
    return json.dumps({"results": [{"toolCallId": "x", "result": result}]})


def shopkeeper(url: str, **fields: Any) -> dict[str, Any]:
    """An assistant whose model calls the tool "order" when the caller says so."""
    tool = {"type": "function", "function": {"name": "order"}, "server": {"url": url, "timeoutSeconds": 5}}
    return assistant(texts=["my order please"], model={"tool": "order", "tools": [tool]}, **fields)


# ---------------------------------------------------------------- over HTTP


async def test_a_tool_is_called_in_vapis_words_and_its_result_is_spoken(speech: bytes) -> None:
    async def answer(body: dict[str, Any]) -> tuple[int, str]:
        call_id = body["message"]["toolCallList"][0]["id"]
        return 200, json.dumps({"results": [{"toolCallId": call_id, "result": "It is on its way."}]})

    async with tool_service(answer) as service, served() as (_, address), attached(address) as peer:
        call = await greeted(peer, shopkeeper(service.url))
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)

    assert call.texts()[-1] == "It is on its way."
    (headers, body), message = service.requests[0], service.requests[0][1]["message"]
    assert len(service.requests) == 1
    entry = message["toolCallList"][0]
    assert (message["type"], entry["name"], entry["arguments"]) == ("tool-calls", "order", {"said": "my order please"})
    assert entry["function"] == {"name": "order", "arguments": entry["arguments"], "parameters": entry["parameters"]}
    assert body["message"]["call"]["id"] == "call-1"
    assert headers["idempotency-key"] == f"call-1:1:{entry['id']}"
    kinds = [e.kind for e in call.of("journal") if e.kind.startswith("tool") or e.kind == "caller-turn"]
    assert kinds == ["caller-turn", "tool-call", "tool-request", "tool-result"], "a tool runs after the turn is a fact"


async def test_a_slow_tool_is_covered_by_a_filler(speech: bytes) -> None:
    covered = asyncio.Event()

    async def answer(_: dict[str, Any]) -> tuple[int, str]:
        await covered.wait()
        return 200, results("Done.")

    async with tool_service(answer) as service, served() as (_, address), attached(address) as peer:
        call = await greeted(peer, shopkeeper(service.url))
        call.speak(speech)
        await call.until(lambda: call.texts()[1:] == ["One moment, please."])
        covered.set()
        await call.until(lambda: "Done." in call.texts())
        assert call.texts()[1:] == ["One moment, please.", "Done."]


async def test_a_caller_who_interrupts_does_not_tear_a_tool_in_half(speech: bytes) -> None:
    finished = asyncio.Event()

    async def answer(_: dict[str, Any]) -> tuple[int, str]:
        await asyncio.sleep(2.5)
        finished.set()
        return 200, results("Ordered.")

    plan = shopkeeper("")
    plan["transcriber"]["texts"] = ["my order please", "hello are you there"]
    async with tool_service(answer) as service, served() as (_, address), attached(address) as peer:
        plan["model"]["tools"][0]["server"]["url"] = service.url
        call = await greeted(peer, plan)
        call.speak(speech)
        await call.until(lambda: call.journal("tool-call"))
        call.speak(speech)
        await call.until(lambda: len(call.journal("caller-turn")) == 2)
        await call.until(lambda: "You said hello are you there." in call.texts())

    assert finished.is_set(), "the next reply waits for the tool"
    assert len(service.requests) == 1
    assert [entry["result"] for entry in call.journal("tool-result")] == ["Ordered."]


async def test_a_tool_that_hangs_does_not_hold_a_call_that_is_over(
    speech: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolbox, "GRACE_SECONDS", 0.2)
    released = asyncio.Event()

    async def answer(_: dict[str, Any]) -> tuple[int, str]:
        await released.wait()
        return 200, results("late")

    async with tool_service(answer) as service, served() as (worker, address), attached(address) as peer:
        call = await greeted(peer, shopkeeper(service.url))
        call.speak(speech)
        await call.until(lambda: call.journal("tool-call"))
        call.end()
        await asyncio.wait_for(worker.idle.wait(), 3)
        released.set()


async def test_a_tool_that_cannot_be_reached_is_a_result_for_the_model(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, shopkeeper("http://127.0.0.1:9/"))
        call.speak(speech)
        (result,) = await call.until(lambda: call.journal("tool-result"))
        assert result["ok"] is False
        assert result["error"].startswith("The tool order could not be reached")
        await call.until(lambda: "could not be reached" in call.texts()[-1])


async def test_the_end_call_tool_ends_the_call_after_the_farewell(speech: bytes) -> None:
    model = {"tool": "endCall", "tools": [{"type": "endCall"}]}
    plan = assistant(texts=["endCall"], model=model, endCallMessage="Goodbye {{customer.name}}.")
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, plan)
        call.speak(speech)
        (action,) = await call.until(lambda: call.of("action"))
        assert action.hangup.reason == "assistant-ended-call"
        assert call.texts()[-1] == "Goodbye ."
        assert call.playing is None, "the farewell was heard"


@pytest.mark.parametrize(
    ("said", "farewell", "last"),
    [
        ("Thank you. Goodbye!", "Goodbye!", ["Thank you.", "Goodbye!"]),
        ("Thank you.", "Goodbye!", ["Thank you.", "Goodbye!"]),
        ("See you.", "", ["See you."]),
        ("", "", ["Goodbye."]),
    ],
)
async def test_a_call_ends_with_one_goodbye(speech: bytes, said: str, farewell: str, last: list[str]) -> None:
    model = {"tool": "endCall", "tools": [{"type": "endCall"}], "before_tool": said}
    plan = assistant(texts=["endCall"], model=model, endCallMessage=farewell, firstMessage="")
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, plan)
        call.speak(speech)
        await call.until(lambda: call.of("action"))
        assert call.texts() == last


async def test_no_tool_runs_while_the_caller_may_go_on(speech: bytes) -> None:
    async def answer(_: dict[str, Any]) -> tuple[int, str]:
        return 200, results("Done.")

    plan = shopkeeper("", startSpeakingPlan={"waitSeconds": 2})
    async with tool_service(answer) as service, served() as (_, address), attached(address) as peer:
        plan["model"]["tools"][0]["server"]["url"] = service.url
        call = await greeted(peer, plan)
        end_ms = call.speak(speech)
        await call.until(lambda: call.now > end_ms + 1500)
        assert not service.requests
        await call.until(lambda: service.requests)


async def test_equal_ids_of_a_model_are_told_apart(speech: bytes) -> None:
    async def answer(_: dict[str, Any]) -> tuple[int, str]:
        return 200, results("my order again please")

    async with tool_service(answer) as service, served() as (_, address), attached(address) as peer:
        plan = shopkeeper(service.url)
        plan["model"]["same_id"] = True
        call = await greeted(peer, plan)
        for count in (2, 3):
            call.speak(speech)
            await call.until(lambda count=count: len(call.journal("agent-turn")) == count)  # type: ignore[misc]
    keys = [headers["idempotency-key"] for headers, _ in service.requests]
    assert keys == ["call-1:1:same", "call-1:2:same-2"]


# ---------------------------------------------------------------- messages and actions


async def test_the_caller_hears_the_start_before_a_tool_that_waits_for_it(speech: bytes) -> None:
    heard: list[Any] = []

    async def answer(_: dict[str, Any]) -> tuple[int, str]:
        heard.append((call.texts()[-1], call.playing))
        return 200, results("Done.")

    plan = shopkeeper("")
    messages = [
        {"type": "request-start", "content": "I look that up.", "blocking": True},
        {"type": "request-complete", "content": "It is done, bye.", "endCallAfterSpokenEnabled": True},
    ]
    async with tool_service(answer) as service, served() as (_, address), attached(address) as peer:
        plan["model"]["tools"][0] |= {"messages": messages, "server": {"url": service.url}}
        call = await greeted(peer, plan)
        call.speak(speech)
        (action,) = await call.until(lambda: call.of("action"))
    assert heard == [("I look that up.", None)], "it was heard to its end"
    assert call.texts()[1:] == ["I look that up.", "It is done, bye."], "the model is not asked, and no filler is said"
    assert action.hangup.reason == "assistant-ended-call"


async def test_what_the_call_says_to_an_action_is_the_tools_result(speech: bytes) -> None:
    model = {"tool": "dtmf", "tools": [{"type": "dtmf", "function": {"name": "dtmf"}}], "arguments": {"dtmf": "12"}}
    plan = assistant(texts=["dtmf"], model=model)
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, plan)
        call.speak(speech)
        (action,) = await call.until(lambda: call.of("action"))
        assert action.send_digits == pb.SendDigits(digits="12")
        result = pb.ActionResult(action=action.action, ok=False, detail="The far end takes no digits.")
        call.send(action_result=result)
        await call.until(lambda: call.texts()[-1] == "The far end takes no digits.")
        assert [entry["ok"] for entry in call.journal("tool-result")] == [False]


async def test_a_tool_runs_when_the_caller_interrupts_what_is_said_before_it(speech: bytes) -> None:
    async def answer(_: dict[str, Any]) -> tuple[int, str]:
        return 200, results("Done.")

    plan = shopkeeper("")
    plan["transcriber"]["texts"] = ["my order please", "hello are you there"]
    start = {"type": "request-start", "content": "I look that up for you now. " * 8, "blocking": True}
    async with tool_service(answer) as service, served() as (_, address), attached(address) as peer:
        plan["model"]["tools"][0] |= {"messages": [start], "server": {"url": service.url}}
        call = await greeted(peer, plan)
        call.speak(speech)
        await call.until(lambda: call.playing is not None and "look that up" in call.playing.text)
        onset_ms = call.now
        call.speak(speech)
        await call.until(lambda: call.now > onset_ms + 100)
        call.pause(onset_ms=onset_ms)
        await call.until(lambda: len(call.journal("caller-turn")) == 2)
        await call.until(lambda: "You said hello are you there." in call.texts())
    assert [entry["result"] for entry in call.journal("tool-result")] == ["Done."]
    assert len(service.requests) == 1
