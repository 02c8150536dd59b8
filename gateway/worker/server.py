"""The worker process: a gRPC server that holds conversations for gateways."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import signal
import time
from collections.abc import AsyncIterator, Callable

import grpc
import httpx
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from gateway import collector
from gateway.assistant.assistant import Assistant
from gateway.assistant.reading import read_assistant
from gateway.egress.connections import guard_loop
from gateway.egress.guard import Guard
from gateway.errors import SetupError
from gateway.link.v1 import link_pb2 as pb
from gateway.link.v1 import link_pb2_grpc as rpc
from gateway.providers.catalogue import MODELS
from gateway.providers.credentials import Credentials
from gateway.providers.registry import Providers
from gateway.providers.tenants import Access, Tenants
from gateway.settings import Settings
from gateway.worker.attachment import Attachment
from gateway.worker.messages import health_message

MESSAGE_BYTES = 16 << 20
SERVICE = "parley.link.v1.Conversation"
GRACE_SECONDS = 0.3
"""For the last events to go out: no call is left, or none is waited for any more."""

logger = structlog.get_logger(__name__)


class Worker(rpc.ConversationServicer):
    """All calls of this process, over all attached gateways.

    :param client: of assistants of the settings, for tools and callouts
    :param guard: of all other assistants' connections
    """

    def __init__(
        self, *, capacity: int, client: httpx.AsyncClient, providers: Providers, guard: Guard | None = None
    ) -> None:
        self.providers = providers
        self.tenants = Tenants(Access(providers, client), guard or Guard())
        self.draining = False
        self.told_to_stop = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()
        self._capacity = capacity
        self._active = 0
        self._cpu = CpuMeter()

    def load(self) -> pb.Load:
        """The load now."""
        return pb.Load(
            active_calls=self._active, capacity=self._capacity, draining=self.draining, cpu=self._cpu.share()
        )

    def health(self) -> pb.ProvidersHealth:
        """What is known of the providers now."""
        now = time.monotonic()
        used = [circuit for circuit in self.providers.health if circuit.successes or circuit.failures]
        return pb.ProvidersHealth(providers=[health_message(circuit, now) for circuit in used])

    def admit(self) -> str:
        """Count a call in, or say why not."""
        if self.draining:
            return "This worker is draining and takes no new calls."
        if self._active >= self._capacity:
            return f"This worker holds {self._active} calls, as many as its capacity (worker.capacity)."
        self._active += 1
        self.idle.clear()
        return ""

    def release(self) -> None:
        """Count a call out."""
        self._active -= 1
        if not self._active:
            self.idle.set()

    async def Attach(  # type: ignore[override]  # noqa: N802  gRPC names it, and takes a coroutine that writes
        self,
        request_iterator: AsyncIterator[pb.GatewayTick],
        context: grpc.aio.ServicerContext[pb.GatewayTick, pb.WorkerTick],
    ) -> None:
        """Serve one gateway's stream."""
        logger.info("gateway attached", peer=context.peer())
        try:
            await Attachment(self, context.write).run(request_iterator)
        except asyncio.CancelledError:
            # gRPC cancels the handler when the gateway is gone, and logs an error for a handler that says so.
            logger.info("gateway lost", peer=context.peer())

    async def Drain(  # noqa: N802  gRPC names it
        self, request: pb.DrainRequest, context: grpc.aio.ServicerContext[pb.DrainRequest, pb.DrainReply]
    ) -> pb.DrainReply:
        """Drain and end, as on SIGTERM."""
        logger.info("asked to drain", peer=context.peer())
        self.told_to_stop.set()
        return pb.DrainReply(active_calls=self._active)


class CpuMeter:
    """Share of one core that this process used over the last second."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._used = time.process_time()
        self._share = 0.0

    def share(self) -> float:
        """1.0 is one core."""
        now = time.monotonic()
        if now - self._since >= 1:
            used = time.process_time()
            self._share = (used - self._used) / (now - self._since)
            self._since, self._used = now, used
        return self._share


async def serve_worker(settings: Settings, *, listen: str, on_ready: Callable[[str], None]) -> None:
    """Serve conversations until SIGTERM, SIGINT or a gateway's Drain: no new calls; the open ones go to other workers
    as gateways ask for them, or on to their end, for `settings.drain_seconds` at most.

    :param listen: host:port; port 0 takes a free one
    :param on_ready: told the address once calls can be served
    :raises SetupError: the address cannot be bound
    :raises ConfigError, ModelError: a provider of a configured assistant cannot be made
    """
    async with httpx.AsyncClient() as client:
        providers, guard = Providers.of(settings), Guard(settings.egress.allow)
        guard_loop(asyncio.get_running_loop(), guard)
        worker = Worker(capacity=settings.worker.capacity, client=client, providers=providers, guard=guard)
        health = HealthServicer()
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.so_reuseport", 0)])
        rpc.add_ConversationServicer_to_server(worker, server)
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        address = _bind(server, listen)
        if settings.api.enabled:
            await asyncio.to_thread(_import_client)
        await providers.warm_up(_expected(settings))
        await server.start()
        try:
            collector.settle()
            await _set_health(health, serving=True)
            on_ready(address)
            await _until_told_to_stop(worker.told_to_stop)
            await _drain(worker, health, settings.drain_seconds)
        finally:
            await server.stop(GRACE_SECONDS)
            await worker.tenants.close()
            await providers.close()


def _expected(settings: Settings) -> list[Assistant]:
    """Assistants whose parts are loaded beforehand: those of the settings, and where others come by the API, one that
    names nothing."""
    assistants = list(settings.assistants.values())
    if settings.api.enabled:
        read = read_assistant({}, settings.assistant_defaults, Credentials(settings.credentials))
        assistants.append(read.assistant)
    return assistants


def _import_client() -> None:
    """Read the package by which most models on servers are asked: it takes a second, or several on a busy machine, and
    a gateway waits two for a call's start."""
    with contextlib.suppress(ImportError):
        importlib.import_module(MODELS["custom-llm"].module)


def _bind(server: grpc.aio.Server, listen: str) -> str:
    host = listen.rpartition(":")[0]
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as error:
        raise SetupError(f"The worker cannot listen on {listen} (worker.listen): {error}.") from error
    return f"{host}:{port}"


async def _set_health(health: HealthServicer, *, serving: bool) -> None:
    status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    for service in ("", SERVICE):
        await health.set(service, status)


async def _until_told_to_stop(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _drain(worker: Worker, health: HealthServicer, seconds: float) -> None:
    worker.draining = True
    await _set_health(health, serving=False)
    logger.info("draining", calls=worker.load().active_calls, seconds=seconds)
    try:
        async with asyncio.timeout(seconds):
            await worker.idle.wait()
    except TimeoutError:
        logger.warning("drain ended with open calls", calls=worker.load().active_calls)
