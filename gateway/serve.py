"""`parley serve`: everything on one machine, from the first port to the last hang-up.

Order of things: HTTP port (so that /readyz tells from the first moment), demo service, the api, workers and SIP, then
`parley ready`. On the way down the calls end first, then SIP, workers, the api, HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NoReturn, Protocol

import structlog

from gateway import collector
from gateway.api.child import LocalApi
from gateway.call.endpoint import Endpoint
from gateway.call.gateway import Gateway
from gateway.call.leg import Leg
from gateway.carriers.gateway_calls import GatewayCalls
from gateway.carriers.media_app import MediaPort, media_app
from gateway.control.api import control_app
from gateway.control.socket import control_listener
from gateway.errors import SetupError
from gateway.link.pool import WorkerPool, worker_command
from gateway.observe import logging, metrics
from gateway.observe.http import operations_app, serving, serving_on
from gateway.observe.machine import allow_open_files
from gateway.observe.sdnotify import SystemdNotifier
from gateway.observe.watchdog import Watchdog, beat_seconds
from gateway.routing.pattern import is_expression, matches
from gateway.settings import Settings
from gateway.shutdown import Overdue, Shutdown, leave, unless

log = structlog.get_logger(__name__)

STUCK_SECONDS = 5.0
"""A part of the process that has not moved for this long is stuck."""
WORKER_SECONDS = 120.0
"""For the first local worker to load its models."""
API_SECONDS = 30.0
"""For the local api, after the workers. Calls need it no more than they need REST."""
REMOTE_WORKER_SECONDS = 5.0
"""For a worker elsewhere; calls are refused with 503 until there is one."""
END_SECONDS = 2.0
"""From the end of a drain to the end of the process, whatever hangs."""
AT_ONCE_SECONDS = 4.0
"""The same, when calls are not waited for."""
_HEARTBEAT_SECONDS = 0.25

OnLeg = Callable[[Leg], None]


class ServedEndpoint(Endpoint, Protocol):
    """The part of `SipEndpoint` that is watched and announced."""

    @property
    def address(self) -> str:
        """host:port where calls are taken."""

    @property
    def heartbeats(self) -> Mapping[str, int]:
        """Monotonic time in ns at which each of its threads last moved."""

    def reload_certificates(self) -> None:
        """Take certificates that were replaced on disk."""


def run(settings: Settings, *, config: Path | None) -> NoReturn:
    """Serve until a signal ends it, then end the process.

    :param config: the file that `settings` come from: local workers read it too
    :raises ParleyError: when the start fails
    """
    logging.configure(settings.log, process="gateway")
    allow_open_files()
    asyncio.run(Service(settings, config=config, overdue=Overdue()).serve())
    leave(0)


class Service:
    """One run of `parley serve`.

    :param config: file that local workers read their settings from
    :param make_endpoint: makes the SIP endpoint, given where its inbound legs go
    :param overdue: ends the process when that takes too long
    """

    def __init__(
        self,
        settings: Settings,
        *,
        config: Path | None = None,
        make_endpoint: Callable[[Settings, OnLeg], ServedEndpoint] | None = None,
        overdue: Overdue | None = None,
    ) -> None:
        self._settings = settings
        arguments = ["--config", str(config.absolute())] if config else []
        self._pool = WorkerPool(
            settings.worker, command=worker_command(settings.worker, arguments), drain_seconds=settings.drain_seconds
        )
        self._gateway = Gateway(settings, pool=self._pool, make_endpoint=self._open)
        self._api = (
            LocalApi(arguments, self._gateway.plane) if self._gateway.plane and not settings.api.address else None
        )
        self._make_endpoint = make_endpoint or _sip_endpoint
        self._endpoint: ServedEndpoint | None = None
        self._shutdown = Shutdown()
        self._overdue = overdue or Overdue(lambda _status: None)
        self._notifier = SystemdNotifier()
        self._loop_beat_ns = 0
        self._phase: str | None = "starting"
        watched = self._notifier.watchdog_seconds
        limit_seconds = min(STUCK_SECONDS, watched / 2) if watched else STUCK_SECONDS
        self._watchdog = Watchdog(self._heartbeats, self._notifier.alive, limit_ns=int(limit_seconds * 1e9))

    async def serve(self) -> None:
        """Start, serve, end."""
        async with AsyncExitStack() as stack:
            stack.enter_context(self._shutdown.on_signals())
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
            port = await stack.enter_async_context(self._http())
            if self._settings.demo.enabled:
                await stack.enter_async_context(self._demo())
            await stack.enter_async_context(_background(self._beat(), name="heartbeat"))
            await stack.enter_async_context(_background(self._watch(), name="watchdog"))
            if self._api is not None:
                await stack.enter_async_context(_background(self._api.run(), name="api"))
            stack.push_async_callback(self._gateway.close)
            if self._settings.api.enabled:
                await stack.enter_async_context(self._media())
            if await unless(self._shutdown.asked, self._start()):
                async with self._control():
                    self._announce(port)
                    await self._shutdown.asked.wait()
                    await self._drain()
            self._stopping("stopping")
        self._overdue.never()

    def unready(self) -> str | None:
        """Why no call is taken now; None while calls are taken."""
        if self._phase is not None:
            return self._phase
        return None if self._pool.ready else "no worker takes calls"

    async def _start(self) -> None:
        """:raises SetupError: when no local worker becomes ready"""
        local = self._settings.worker.count > 0
        await self._gateway.start(worker_seconds=WORKER_SECONDS if local else REMOTE_WORKER_SECONDS)
        if self._pool.hopeless:
            raise SetupError("No worker could start; the line above tells why.")
        if local and not self._pool.ready:
            raise SetupError(f"No worker was ready within {WORKER_SECONDS:.0f} s; the log above tells why.")
        if self._api is not None and not await self._api.wait_ready(API_SECONDS):
            log.warning("the api does not serve yet; only calls that a route of the settings takes are answered")

    def _reload(self) -> None:
        """SIGHUP: certificates may be new. Calls and everything else stay as they are."""
        if self._endpoint is not None:
            self._endpoint.reload_certificates()

    def _open(self, on_leg: OnLeg) -> ServedEndpoint:
        self._endpoint = self._make_endpoint(self._settings, on_leg)
        return self._endpoint

    def _http(self) -> contextlib.AbstractAsyncContextManager[int]:
        app = operations_app(
            unready=self.unready,
            stuck=lambda: sorted(self._watchdog.stuck),
            complaints=lambda: self._gateway.disk_watch.complaints,
        )
        http = self._settings.http
        return serving(app, host=http.host, port=http.port, purpose="metrics and health (http.port)")

    @asynccontextmanager
    async def _media(self) -> AsyncIterator[None]:
        media = self._settings.media
        app = media_app(MediaPort(GatewayCalls(self._gateway), self._gateway.transports))
        async with serving(app, host=media.host, port=media.port, purpose="sockets of calls (media.port)") as port:
            self._gateway.media_url = media.public_url or f"http://{media.host}:{port}"
            yield

    @asynccontextmanager
    async def _control(self) -> AsyncIterator[None]:
        with control_listener(self._settings.data_dir) as listener:
            async with serving_on(
                listener, control_app(self._gateway, go_down=self._shutdown.terminate), purpose="control"
            ):
                yield

    def _demo(self) -> contextlib.AbstractAsyncContextManager[int]:
        from gateway.demo.orders import orders_app

        port = self._settings.demo.port
        return serving(orders_app(), host="127.0.0.1", port=port, purpose="the demo order service (demo.port)")

    def _announce(self, http_port: int) -> None:
        collector.settle()
        self._phase = None
        host = self._settings.http.host
        assert self._endpoint is not None
        address = f"sip:{dialled_user(self._settings)}@{self._endpoint.address}"
        line = f"parley ready: call {address}, metrics at http://{host}:{http_port}/metrics"
        if self._api is not None and (announced := self._api.announced):
            line += f", REST at {announced.url}"
            if announced.key_line:
                sys.stdout.write(announced.key_line + "\n")
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        self._notifier.ready(line)

    async def _drain(self) -> None:
        seconds = self._settings.drain_seconds
        self._stopping("draining")
        self._overdue.after(seconds + END_SECONDS)
        if not await unless(self._shutdown.at_once, self._gateway.drain(seconds)):
            log.warning("ends without waiting for its calls")
            self._overdue.after(AT_ONCE_SECONDS)

    def _stopping(self, phase: str) -> None:
        self._phase = phase
        self._notifier.stopping(phase)

    def _heartbeats(self) -> Mapping[str, int]:
        of_sip = self._endpoint.heartbeats if self._endpoint and self._phase != "starting" else {}
        return {"event loop": self._loop_beat_ns, **of_sip}

    async def _beat(self) -> None:
        while True:
            self._loop_beat_ns = time.monotonic_ns()
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            late_ns = time.monotonic_ns() - self._loop_beat_ns - int(_HEARTBEAT_SECONDS * 1e9)
            metrics.LOOP_LATENESS.observe(max(0, late_ns) / 1e9)

    async def _watch(self) -> None:
        while True:
            self._watchdog.judge(time.monotonic_ns())
            await asyncio.sleep(beat_seconds(self._notifier.watchdog_seconds))


@asynccontextmanager
async def _background(work: Coroutine[None, None, None], *, name: str) -> AsyncIterator[None]:
    """Run `work` beside the block, and cancel it afterwards."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled():
            task.result()


def dialled_user(settings: Settings) -> str:
    """A number that a route takes from anybody: the name of the assistant where any number does."""
    for route in settings.routes:
        if route.trunk is None and not is_expression(route.number):
            name = next(iter(route.assistants), "parley")
            return name if matches(route.number, name) else route.number
    return "parley"


def _sip_endpoint(settings: Settings, on_leg: OnLeg) -> ServedEndpoint:
    from gateway.sip.endpoint import SipEndpoint  # loads pjsua2, which a test has no use for

    return SipEndpoint(settings, loop=asyncio.get_running_loop(), on_leg=on_leg)
