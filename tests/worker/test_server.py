from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.errors import ConfigError, SetupError
from gateway.link.v1 import link_pb2 as pb
from gateway.settings import Settings
from gateway.worker.server import SERVICE, serve_worker
from tests.worker.fakes import ToneVoice
from tests.worker.peer import GatewayPeer, attached, served
from tests.worker.test_conversation import answered, assistant, greeted


@asynccontextmanager
async def worker_process(**worker: Any) -> AsyncIterator[tuple[asyncio.Task[None], str]]:
    """`serve_worker` as the command runs it."""
    settings = Settings.model_validate({"worker": worker, "drain_seconds": 20, "assistants": {"a": assistant()}})
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_worker(settings, listen="127.0.0.1:0", on_ready=ready.set_result))
    try:
        yield task, await asyncio.wait_for(ready, 20)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def health(address: str, service: str = SERVICE) -> int:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    return int(answer.status)


async def refusal(peer: GatewayPeer, plan: Any) -> str:
    call = peer.call()
    call.start(plan)
    (refused,) = await call.until(lambda: call.of("refused"))
    return str(refused.reason)


async def test_a_worker_says_that_it_serves_once_it_does() -> None:
    async with worker_process() as (_, address):
        assert await health(address) == health_pb2.HealthCheckResponse.SERVING
        assert await health(address, "") == health_pb2.HealthCheckResponse.SERVING


async def test_a_full_worker_refuses_and_tells_its_load() -> None:
    async with served(capacity=1) as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        assert "capacity" in await refusal(peer, assistant())
        assert (peer.loads[-1].active_calls, peer.loads[-1].capacity) == (1, 1)
        call.end()
        await call.until(lambda: peer.loads[-1].active_calls == 0)
        await greeted(peer, assistant())


def models_known(peer: GatewayPeer) -> list[pb.ProviderHealth]:
    return [health for load in peer.loads for health in load.health.providers if health.stage == "model"]


async def test_a_worker_tells_the_health_of_its_providers(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant(model={"fail": 1}))
        call.speak(speech)
        (health, *_) = await call.until(lambda: [known for known in models_known(peer) if known.successes])
        assert health.state == pb.ProviderHealth.STATE_CLOSED
        assert (health.failures, health.successes) == (1, 1)
        assert not health.HasField("first_result_p95_ms"), "one is no percentile"


async def test_sigterm_drains() -> None:
    async with worker_process() as (task, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        os.kill(os.getpid(), signal.SIGTERM)
        await call.until(lambda: peer.loads[-1].draining)
        assert await health(address) == health_pb2.HealthCheckResponse.NOT_SERVING
        assert "draining" in await refusal(peer, assistant())
        assert not task.done(), "the open call goes on"
        call.end()
        await asyncio.wait_for(task, 10)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": {}}, "model"),
        ({"voice": {"provider": "nobody"}}, "nobody"),
        ({"firstMessage": "{% broken"}, "malformed"),
        ({"nonsense": 1}, "nonsense"),
        ({"transcriber": {"provider": "tests.worker.fakes:ScriptedTranscriber", "opens": False}}, "not to open"),
    ],
)
async def test_a_call_that_cannot_be_served_is_refused_with_the_reason(change: dict[str, Any], sentence: str) -> None:
    async with served() as (worker, address), attached(address) as peer:
        plan = assistant() | change
        assert sentence in await refusal(peer, plan)
        assert worker.load().active_calls == 0


class GatedVoice(ToneVoice):
    """A voice that takes long to make, as one whose SDK is imported: until the test opens the gate."""

    gate: ClassVar[threading.Event]

    def __init__(self) -> None:
        super().__init__(word_ms=100)
        if not self.gate.wait(10):
            raise ConfigError("Nobody opened the gate: the event loop waited for this voice.")


async def test_calls_go_on_while_the_providers_of_another_are_made() -> None:
    GatedVoice.gate = threading.Event()
    async with served() as (_, address), attached(address) as peer:
        waiting = peer.call()
        waiting.start(assistant(voice={"provider": f"{__name__}:GatedVoice"}))
        waiting.answer()
        await greeted(peer, assistant())
        assert not waiting.events
        GatedVoice.gate.set()
        await waiting.until(lambda: waiting.of("accepted"))
        await waiting.until(lambda: waiting.of("utterance"))  # what came in between was kept: it was answered


async def test_calls_end_when_their_gateway_is_gone() -> None:
    async with served() as (worker, address):
        async with attached(address) as peer:
            await answered(peer, assistant())
            assert worker.load().active_calls == 1
        await asyncio.wait_for(worker.idle.wait(), 5)


async def test_two_gateways_share_a_worker() -> None:
    async with served() as (worker, address), attached(address) as one, attached(address) as other:
        await greeted(one, assistant())
        await greeted(other, assistant())
        assert worker.load().active_calls == 2


async def test_an_address_in_use_is_named() -> None:
    async with worker_process() as (_, address):
        with pytest.raises(SetupError, match=address):
            await serve_worker(Settings(), listen=address, on_ready=lambda _: None)


async def test_a_provider_that_does_not_exist_stops_the_start() -> None:
    settings = Settings.model_validate({"assistants": {"a": assistant(voice={"provider": "nobody"})}})
    with pytest.raises(ConfigError, match="nobody"):
        await serve_worker(settings, listen="127.0.0.1:0", on_ready=lambda _: None)
