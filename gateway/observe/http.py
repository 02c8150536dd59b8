"""The operator's HTTP port: /metrics for Prometheus, /healthz (alive) and /readyz (takes calls)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from gateway.errors import SetupError

SHUTDOWN_SECONDS = 2


def operations_app(
    *,
    unready: Callable[[], str | None],
    stuck: Callable[[], list[str]],
    complaints: Callable[[], list[str]] = list,
    registry: CollectorRegistry = REGISTRY,
) -> FastAPI:
    """The application.

    :param unready: why no call is taken now, in one sentence; None while calls are taken
    :param complaints: what is wrong though calls are taken, in sentences
    :param stuck: the parts of the process that no longer move, by the watchdog
    """
    app = FastAPI(title="Parley operations", openapi_url=None)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/healthz")
    async def healthz() -> Response:
        parts = stuck()
        return JSONResponse({"status": "stuck", "parts": parts}, status_code=503) if parts else _ok("alive")

    @app.get("/readyz")
    async def readyz() -> Response:
        reason = unready()
        said = complaints()
        also = {"complaints": said} if said else {}
        if reason:
            return JSONResponse({"status": "unready", "reason": reason, **also}, status_code=503)
        return JSONResponse({"status": "ready", **also})

    @app.get("/")
    async def index() -> Response:
        return PlainTextResponse("Parley: /metrics, /healthz, /readyz\n")

    return app


def _ok(status: str) -> JSONResponse:
    return JSONResponse({"status": status})


class _Server(uvicorn.Server):
    """uvicorn within a larger process, which handles the signals itself."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def serving(app: FastAPI, *, host: str, port: int, purpose: str) -> AsyncIterator[int]:
    """Serve `app` while the block runs; yields the port.

    :param port: 0 for any free port
    :param purpose: what the port is for, and the setting that names it, for the error: "metrics (http.port)"
    :raises SetupError: when the port cannot be bound
    """
    with listening(host, port, purpose=purpose) as listener:
        async with serving_on(listener, app, purpose=purpose):
            yield int(listener.getsockname()[1])


@contextmanager
def listening(host: str, port: int, *, purpose: str) -> Iterator[socket.socket]:
    """A socket that listens; parameters and errors are those of `serving`."""
    with _bind(host, port, purpose) as listener:
        yield listener


@asynccontextmanager
async def serving_on(listener: socket.socket, app: FastAPI, *, purpose: str) -> AsyncIterator[None]:
    """Serve `app` on a socket that listens, while the block runs; the socket is closed then."""
    server = _Server(
        uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=SHUTDOWN_SECONDS
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]), name=f"http {purpose}")
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _bind(host: str, port: int, purpose: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends at once (TCP_NODELAY); else an answer of two writes waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(100)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise SetupError(f"{host}:{port} for {purpose} cannot be opened: {reason}. Choose another port.") from error
    return listener
