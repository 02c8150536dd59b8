"""Calls that REST begins, over SIP and over a WebSocket: a squad of two with a tool, and all that is left of them."""

from __future__ import annotations

import asyncio
import json
import wave
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.interop.order_desk import BILLING, SHIPPED, OrderDesk, order_desk
from tests.link.worker_double import until
from tests.peers.ports import LOOPBACK
from tests.peers.softphone import Softphone, SoftphonePlan, running_softphone
from tests.vapi.contract import contract, is_here

pytestmark = [pytest.mark.models, pytest.mark.both_databases, pytest.mark.timeout(240)]

Desk = Callable[[], AbstractAsyncContextManager[OrderDesk]]
IN_ORDER = ["lookup_order", "transferCall"]


@pytest.fixture
def desk(tmp_path: Path, empty_database_url: str) -> Desk:
    return lambda: order_desk(tmp_path / "product", empty_database_url)


async def test_a_squad_holds_a_sip_call_that_rest_began(desk: Desk, tmp_path: Path) -> None:
    plan = SoftphonePlan(tmp_path / "phone")
    async with desk() as shop, running_softphone(plan) as phone:
        uri = f"sip:{plan.user}@{LOOPBACK}:{plan.sip_port}"
        call = await shop.create_call(customer={"sipUri": uri, "name": "Ann"})
        again = await shop.create_call(customer={"sipUri": uri, "name": "Ann"})
        assert again["id"] == call["id"]
        await phone.wait_for("incoming")
        phone.answer()
        await converse(SipTelephone(phone), shop)
        phone.hang_up()
        report = await shop.reported(call["id"])
        await check(shop, await shop.call(call["id"]), report)
        assert (await shop.call(call["id"]))["type"] == "outboundPhoneCall"


async def test_a_squad_holds_a_websocket_call_that_rest_began(desk: Desk) -> None:
    async with desk() as shop:
        transport = {"provider": "vapi.websocket", "audioFormat": {"format": "pcm_s16le", "sampleRate": 8000}}
        call = await shop.create_call(transport=transport)
        async with connect(call["transport"]["websocketCallUrl"], max_queue=None) as socket:
            telephone = SocketTelephone(socket)
            listening = asyncio.create_task(telephone.listen())
            await converse(telephone, shop)
        await listening
        report = await shop.reported(call["id"])
        await check(shop, await shop.call(call["id"]), report)
        assert (await shop.call(call["id"]))["type"] == "vapi.websocketCall"


class SipTelephone:
    def __init__(self, phone: Softphone) -> None:
        self._phone = phone

    async def agent_spoke(self) -> None:
        await self._phone.far_end_spoke()

    async def say(self, file: Path) -> None:
        await self._phone.say(file)


class SocketTelephone:
    """Goes by the client messages: the agent has spoken when there is a transcript of it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._spoken = asyncio.Queue[str]()

    async def listen(self) -> None:
        async for message in self._socket:
            read = json.loads(message) if isinstance(message, str) else {}
            if (read.get("type"), read.get("role")) == ("transcript", "assistant"):
                self._spoken.put_nowait(read["transcript"])

    async def agent_spoke(self) -> None:
        await asyncio.wait_for(self._spoken.get(), 30)

    async def say(self, file: Path) -> None:
        with wave.open(str(file)) as opened:
            pcm = opened.readframes(opened.getnframes())
        for start in range(0, len(pcm), 320):
            await self._socket.send(pcm[start : start + 320])
            await asyncio.sleep(0.019)


async def converse(telephone: SipTelephone | SocketTelephone, shop: OrderDesk) -> None:
    """Ask for the order, then for billing, and hear billing out."""
    await telephone.agent_spoke()
    await telephone.say(shop.says["order"])
    await said(shop, SHIPPED)
    await telephone.say(shop.says["invoice"])
    await said(shop, BILLING)


async def said(shop: OrderDesk, text: str) -> None:
    """Wait until the agent's words were heard."""

    def heard() -> bool:
        return any(text in one["transcript"] for one in shop.hooks.of("transcript") if one["role"] == "assistant")

    await until(heard, 40)


async def check(shop: OrderDesk, call: dict[str, Any], report: dict[str, Any]) -> None:
    """What is left of the call: record, report, messages, costs, recording."""
    await recorded(shop, call)
    assert shop.tools.calls("lookup_order") == [{"number": "1234"}]
    assert [one["assistantName"] for one in call["artifact"]["assistantActivations"]] == ["Desk", "Billing"]
    heard = [message["message"] for message in call["messages"] if message["role"] == "bot"]
    assert heard[0] == "Hello, Baker's desk."
    assert any(SHIPPED in one for one in heard)
    assert BILLING in heard[-1]
    asked = [one for message in call["messages"] if message["role"] == "tool_calls" for one in message["toolCalls"]]
    assert [one["function"]["name"] for one in asked] == IN_ORDER
    assert call["endedReason"] == report["endedReason"] == "customer-ended-call"
    assert call["status"] == "ended"
    adds_up(call)
    assert len(shop.hooks.of("end-of-call-report")) == 1
    statuses = [one["status"] for one in shop.hooks.of("status-update")]
    assert statuses[-2:] == ["in-progress", "ended"]
    if is_here():
        assert contract().faults("Call", call) == []
        assert sorted({fault for body in shop.hooks.bodies for fault in contract().message_faults(body)}) == []


def adds_up(call: dict[str, Any]) -> None:
    rows = call["costs"]
    assert round(sum(row["cost"] for row in rows), 6) == call["costBreakdown"]["total"] == call["cost"]
    models = [row for row in rows if row["type"] == "model"]
    assert len(models) == 2, "a row for each member"
    assert sum(row["promptTokens"] for row in models) == call["costBreakdown"]["llmPromptTokens"]


async def recorded(shop: OrderDesk, call: dict[str, Any]) -> None:
    """The recording can be fetched, once the disk has it: that is done on a thread of its own."""
    for _ in range(50):
        answered = await shop.client.get(f"/call/{call['id']}/stereo-recording")
        if answered.status_code != 404:
            break
        await asyncio.sleep(0.1)
    assert answered.status_code == 200
    assert answered.content[:4] == b"RIFF"
