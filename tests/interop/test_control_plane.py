"""Calls through the control plane: `parley serve` with its api process, over SIP and HTTP; the api is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from tests.interop.carrier import ANSWER, BUSY, RING, UNKNOWN, carrier
from tests.interop.product import Product, ProductPlan, running_product, shipped_assistant
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.softphone import SoftphonePlan, running_softphone

KEY = "sk_of_the_test_and_nobody_else"
ASSISTANT = {
    "name": "desk",
    "firstMessage": "Good day, this is the desk.",
    "model": {"provider": "dialogue"},
    "voice": {"provider": "hibari"},
    "transcriber": {"provider": "embedded"},
}

pytestmark = [pytest.mark.models, pytest.mark.timeout(150), pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True, slots=True)
class Plane:
    """A product with its REST API."""

    product: Product
    client: httpx.AsyncClient
    carrier_port: int
    """Where its trunk sends calls to numbers."""

    async def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        response = await self.client.request(method, path, json=body)
        assert response.is_success, response.text
        return response.json()

    async def call_when(self, call_id: str, **wanted: Any) -> dict[str, Any]:
        """The call, as soon as its fields are as wanted."""
        call: dict[str, Any] = {}
        for _ in range(300):
            try:
                call = (await self.client.get(f"/call/{call_id}")).json()
            except httpx.TransportError:
                call = {}
            if all(call.get(name) == value for name, value in wanted.items()):
                return call
            await asyncio.sleep(0.1)
        raise AssertionError(f"the call is not {wanted}: {call}")

    async def campaign_when(self, id_: str, **wanted: Any) -> dict[str, Any]:
        """The campaign, as soon as its fields are as wanted."""
        campaign: dict[str, Any] = {}
        for _ in range(300):
            campaign = await self.send("GET", f"/campaign/{id_}")
            if all(campaign.get(name) == value for name, value in wanted.items()):
                return campaign
            await asyncio.sleep(0.2)
        raise AssertionError(f"the campaign is not {wanted}: {campaign}")

    async def kill_api(self) -> None:
        """As the kernel would when memory is short; returns when its port is closed."""
        ready = [line for line in self.product.log_lines() if line["message"] == "process ready"]
        os.kill(int([line["pid"] for line in ready if line["child"] == "api"][-1]), signal.SIGKILL)

    async def answers(self) -> None:
        """Wait until the API answers."""
        for _ in range(300):
            try:
                if (await self.client.get("/assistant")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
        raise AssertionError("the API does not come back")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Plane]:
    port, carrier_port = free_port(), free_port()
    trunk = {"name": "carrier", "gateways": [{"host": LOOPBACK, "port": carrier_port}], "ring_seconds": 2}
    changes: dict[str, dict[str, Any] | list[Any]] = {
        "api": {"enabled": True, "port": port, "bootstrap_key": KEY},
        "media": {"port": free_port()},
        "outbound": {"direct": [LOOPBACK]},
        "trunks": [trunk],
        "routes": [{"assistant": "demo", "number": "demo"}],
    }
    plan = ProductPlan(tmp_path_factory.mktemp("plane"), shipped_assistant(), changes=changes)
    client = httpx.AsyncClient(
        base_url=f"http://{LOOPBACK}:{port}", headers={"Authorization": f"Bearer {KEY}"}, timeout=20
    )
    async with running_product(plan) as product, client:
        made = Plane(product, client, carrier_port)
        await made.answers()
        yield made


async def test_a_number_made_by_rest_answers_a_sip_call(plane: Plane, tmp_path: Path) -> None:
    assistant = await plane.send("POST", "/assistant", ASSISTANT)
    number = {"provider": "vapi", "sipUri": "sip:desk@parley.example", "assistantId": assistant["id"]}
    made = await plane.send("POST", "/phone-number", number)
    async with running_softphone(SoftphonePlan(tmp_path / "ann", user="ann")) as phone:
        phone.dial(f"sip:desk@{plane.product.address}")
        await phone.wait_for("answered")
        await phone.far_end_spoke()
        phone.hang_up()
        await phone.wait_for("ended")
    (shown,) = await plane.send("GET", f"/call?phoneNumberId={made['id']}")
    call = await plane.call_when(shown["id"], status="ended")
    assert (call["type"], call["assistantId"]) == ("inboundPhoneCall", assistant["id"])
    assert call["endedReason"] == "customer-ended-call"
    assert "Good day" in call["artifact"]["transcript"]


async def test_a_call_made_by_rest_goes_through_its_stages(plane: Plane, tmp_path: Path) -> None:
    async with running_softphone(SoftphonePlan(tmp_path / "bob", user="bob")) as phone:
        customer = {"sipUri": f"sip:bob@{LOOPBACK}:{phone.plan.sip_port}", "name": "Bob"}
        call = await plane.send("POST", "/call", {"assistant": ASSISTANT, "customer": customer})
        assert call["status"] == "queued"
        await phone.wait_for("incoming")
        phone.answer()
        await phone.wait_for("answered")
        await plane.call_when(call["id"], status="in-progress")
        await phone.far_end_spoke()
        await plane.send("DELETE", f"/call/{call['id']}")
        await phone.wait_for("ended")


async def test_a_call_outlives_the_api_and_is_told_once_when_it_is_back(plane: Plane, tmp_path: Path) -> None:
    async with running_softphone(SoftphonePlan(tmp_path / "eve", user="eve")) as phone:
        customer = {"sipUri": f"sip:eve@{LOOPBACK}:{phone.plan.sip_port}"}
        call = await plane.send("POST", "/call", {"assistant": ASSISTANT, "customer": customer})
        await phone.wait_for("incoming")
        await plane.kill_api()
        phone.answer()
        await phone.wait_for("answered")
        await phone.far_end_spoke()
        phone.hang_up()
        await phone.wait_for("ended")
    await plane.answers()
    ended = await plane.call_when(call["id"], status="ended", endedReason="customer-ended-call")
    greetings = [one for one in ended["artifact"]["messages"] if one["role"] == "bot"]
    assert len(greetings) == 1


async def test_without_the_api_a_route_still_answers(plane: Plane, tmp_path: Path) -> None:
    await plane.kill_api()
    async with running_softphone(SoftphonePlan(tmp_path / "joe", user="joe")) as phone:
        phone.dial(f"sip:demo@{plane.product.address}")
        await phone.wait_for("answered")
        await phone.far_end_spoke()
        phone.hang_up()
        await phone.wait_for("ended")
    (record,) = await plane.product.wait_for_records(1, number="demo")
    await plane.answers()
    call = await plane.call_when(record["id"], status="ended")
    assert (call["type"], call["endedReason"]) == ("inboundPhoneCall", "customer-ended-call")


async def test_a_call_without_a_telephone_is_heard_on_its_socket(plane: Plane) -> None:
    body = {"assistantId": "demo", "transport": {"provider": "vapi.websocket"}}
    call = await plane.send("POST", "/call", body)
    assert call["type"] == "vapi.websocketCall"
    async with connect(call["transport"]["websocketCallUrl"]) as socket, asyncio.timeout(30):
        while True:
            frame = await socket.recv()
            if isinstance(frame, bytes) and any(frame):
                break
            await socket.send(bytes(640))
        await plane.call_when(call["id"], status="in-progress")
    ended = await plane.call_when(call["id"], status="ended")
    assert ended["endedReason"] == "customer-ended-call"


async def test_a_number_that_nobody_has_is_refused(plane: Plane, tmp_path: Path) -> None:
    async with running_softphone(SoftphonePlan(tmp_path / "sue", user="sue")) as phone:
        phone.dial(f"sip:nobody@{plane.product.address}")
        ended = await phone.wait_for("ended")
    assert ended["status"] == 404


async def test_a_number_may_only_say_something(plane: Plane, tmp_path: Path) -> None:
    hook = {"on": "call.ringing", "do": [{"type": "say", "exact": "We are closed today."}]}
    number = {"provider": "vapi", "sipUri": "sip:closed@parley.example", "hooks": [hook]}
    made = await plane.send("POST", "/phone-number", number)
    async with running_softphone(SoftphonePlan(tmp_path / "tom", user="tom")) as phone:
        phone.dial(f"sip:closed@{plane.product.address}")
        await phone.wait_for("answered")
        await phone.wait_for("ended", seconds=20)
    (shown,) = await plane.send("GET", f"/call?phoneNumberId={made['id']}")
    call = await plane.call_when(shown["id"], status="ended")
    assert call["endedReason"] == "call.ringing.hook-executed-say"
    assert "closed today" in call["artifact"]["transcript"]


async def test_a_campaign_calls_each_customer_as_often_as_it_should_though_the_api_is_killed(plane: Plane) -> None:
    scripts = {
        "+4930123401": [ANSWER],
        "+4930123402": [BUSY, ANSWER],
        "+4930123403": [BUSY],
        "+4930123404": [RING],
        "+4930123405": [UNKNOWN],
        "+4930123406": [ANSWER],
    }
    assistant = await plane.send("POST", "/assistant", ASSISTANT)
    body = {
        "name": "reminders",
        "assistantId": assistant["id"],
        "customers": [{"number": number} for number in scripts],
        "maxConcurrency": 2,
        "callingHours": {"start": "00:00", "end": "24:00"},
        "retry": {"attempts": 2, "after": {"busy": 1}},
    }
    async with carrier(plane.carrier_port, plane.product.address, scripts) as phones:
        made = await plane.send("POST", "/campaign", body)
        await phones.called(3)
        await plane.kill_api()
        await plane.answers()
        campaign = await plane.campaign_when(made["id"], status="ended")
    assert campaign["outcomes"] == {"answered": 3, "busy": 1, "no-answer": 1, "failed": 1}
    assert campaign["callsCounterEnded"] == 6
    expected = dict(zip(scripts, (1, 2, 2, 1, 1, 1), strict=True))
    assert phones.calls == expected
    assert len(campaign["calls"]) == 8
