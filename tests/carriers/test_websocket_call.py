"""A call without a telephone: a client on the media port, and the worker itself with providers that answer at once."""

from __future__ import annotations

import asyncio
import audioop
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect

from gateway.assistant.call_plan import CallPlan, Member
from gateway.call import endings
from gateway.call.gateway import Gateway
from gateway.call.record import CallRecord
from gateway.call.session import Call
from gateway.carriers.audio_format import AudioFormat
from gateway.carriers.gateway_calls import GatewayCalls
from gateway.carriers.media_app import MediaPort, media_app
from gateway.link.pool import WorkerPool
from gateway.observe.http import serving
from gateway.settings import ApiSettings, Settings, WorkerSettings
from tests.call.house import MemoryEndpoint
from tests.call.test_with_worker import speech, working
from tests.link.worker_double import until

pytestmark = pytest.mark.models

RATE = 16000
ASSISTANT = {
    "firstMessage": "Hello there.",
    "transcriber": {"provider": "embedded"},
    "model": {"provider": "dialogue"},
    "voice": {"provider": "hibari"},
}


class Client:
    """Speaks and listens in real time on the transport of a call."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard = b""
        self.messages: list[dict[str, Any]] = []

    async def listen(self) -> None:
        async for message in self.socket:
            if isinstance(message, bytes):
                self.heard += message
            else:
                self.messages.append(json.loads(message))

    async def say(self, pcm: bytes) -> None:
        """Telephone PCM, sent in real time."""
        samples = np.repeat(np.frombuffer(pcm, np.int16), RATE // 8000).tobytes()
        for start in range(0, len(samples), 640):
            await self.socket.send(samples[start : start + 640])
            await asyncio.sleep(0.018)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def loud_ms(self) -> int:
        frames = range(0, len(self.heard) - 640, 640)
        return sum(20 for start in frames if audioop.rms(self.heard[start : start + 640], 2) > 500)


class House:
    """A gateway with its worker and its media port."""

    def __init__(self, gateway: Gateway, url: str) -> None:
        self.gateway = gateway
        self.url = url

    def open(self, **changes: Any) -> Call:
        call_id = str(uuid.uuid4())
        plan = CallPlan(
            organisation="acme",
            call={"id": call_id, "orgId": "acme", "type": "vapi.websocketCall"},
            members=[Member(name="desk", assistant={**ASSISTANT, **changes})],
        )
        return self.gateway.open_transport(plan, AudioFormat(sample_rate=RATE))

    @asynccontextmanager
    async def client(self, call: Call) -> AsyncIterator[Client]:
        async with connect(f"{self.url}/call/{call.id}/transport", max_queue=None) as socket:
            client = Client(socket)
            listening = asyncio.create_task(client.listen())
            yield client
        await listening

    async def record(self) -> CallRecord:
        await until(lambda: list(self.gateway.records.newest()))
        return next(iter(self.gateway.records.newest()))


@asynccontextmanager
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = Settings(data_dir=tmp_path, api=ApiSettings(enabled=False))
    # The worker expects assistants by the API, and has loaded what they usually need.
    async with working(Settings(data_dir=tmp_path)) as address:
        pool = WorkerPool(WorkerSettings(count=0, addresses=[address]))
        gateway = Gateway(settings, pool=pool, make_endpoint=MemoryEndpoint)
        await gateway.start(worker_seconds=5)
        app = media_app(MediaPort(GatewayCalls(gateway), gateway.transports))
        async with serving(app, host="127.0.0.1", port=0, purpose="media") as port:
            yield House(gateway, f"ws://127.0.0.1:{port}")
        await gateway.close()


async def test_a_client_asks_hears_the_answer_and_reads_what_was_heard(tmp_path: Path) -> None:
    question = await speech("Could you tell me the time please?")
    async with house(tmp_path) as h:
        call = h.open()
        async with h.client(call) as client:
            await until(lambda: [m for m in client.of("transcript") if m["role"] == "assistant"], 15)
            await client.say(question)
            await until(lambda: len([m for m in client.of("transcript") if m["role"] == "assistant"]) == 2, 20)
            assert client.loud_ms > 1500
        record = await h.record()
    said = [(m["role"], m["transcript"]) for m in client.of("transcript") if m["transcriptType"] == "final"]
    assert [role for role, _ in said] == ["assistant", "user", "assistant"]
    assert "tell me the time" in said[1][1].lower()
    assert [turn.text for turn in record.turns] == [text for _, text in said]
    assert record.end_reason == endings.CUSTOMER_ENDED
    assert client.of("conversation-update")


async def test_a_call_is_controlled_over_its_socket_and_its_control_url(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        call = h.open()
        async with h.client(call) as client:
            await until(lambda: client.of("transcript"), 15)
            await client.socket.send(json.dumps({"type": "say", "message": "Somebody joins."}))
            await until(lambda: len(client.of("transcript")) == 2, 15)
            control = f"{h.url}/call/{call.id}/control".replace("ws:", "http:")
            async with httpx.AsyncClient() as http:
                assert (await http.post(control, json={"type": "end-call"})).status_code == 200
            await asyncio.wait_for(client.socket.wait_closed(), 10)
        record = await h.record()
    assert record.turns[-1].text == "Somebody joins."
    assert record.end_reason == endings.MANUALLY_CANCELED
    assert client.socket.close_code == 1000


async def test_a_listener_hears_both_sides(tmp_path: Path) -> None:
    question = await speech("Could you tell me the time please?")
    async with house(tmp_path) as h:
        call = h.open()
        async with h.client(call) as client, connect(f"{h.url}/call/{call.id}/listen?channels=2") as socket:
            listener = Client(socket)
            listening = asyncio.create_task(listener.listen())
            await client.say(question)
            await until(lambda: len(client.of("transcript")) >= 2, 20)
            await client.socket.close()
            await asyncio.wait_for(listening, 10)
    sides = np.frombuffer(listener.heard, np.int16).reshape(-1, 2)
    assert all(np.abs(sides[:, side]).max() > 1000 for side in (0, 1))
    assert listener.messages[0]["type"] == "start"
    assert listener.of("transcript")
