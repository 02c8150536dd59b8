"""Gathers the facts of `gateway.doctor.services`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.models.cache import missing
from gateway.settings import Settings
from gateway.store.database import store_url

_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


async def connect(address: str) -> str:
    """Why `host:port` takes no connection; empty when it does."""
    host, _, port = address.rpartition(":")
    return await _connect(host.strip("[]"), int(port)) if port.isdigit() else "write it as host:port"


async def reach(url: str) -> str:
    """Why a user's server cannot be reached; empty when it takes a connection."""
    parts = urlsplit(url)
    return await _connect(parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443))


async def ready(settings: Settings) -> str | None:
    """What /readyz of the running gateway says when it is not ready, empty when it is; None when nothing answers."""
    host = "127.0.0.1" if settings.http.host in ("0.0.0.0", "::") else settings.http.host  # noqa: S104  compared
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
            answer = await client.get(f"http://{host}:{settings.http.port}/readyz")
    except httpx.HTTPError:
        return None
    return "" if answer.is_success else answer.text.strip()


def models_missing() -> list[str]:
    """Names of the embedded models that are not there."""
    return [model.name for model in missing()]


def database_name(settings: Settings) -> str:
    """The database, without its password."""
    return make_url(store_url(settings)).render_as_string(hide_password=True)


async def database_problem(settings: Settings) -> str | None:
    """Why a database server cannot be used, empty when it can; None for SQLite."""
    url = make_url(store_url(settings))
    if url.get_backend_name() == "sqlite":
        return None
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg"))
    try:
        async with asyncio.timeout(_SECONDS), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (OSError, TimeoutError, SQLAlchemyError) as error:
        return _word(error)
    finally:
        await engine.dispose()
    return ""


def servers(settings: Settings, *, gateway_runs: bool) -> Iterator[str]:
    """URLs of users' servers in the settings, one of each host. The demo's service runs as long as the gateway."""
    demo = settings.demo.enabled and not gateway_runs
    seen = {f"127.0.0.1:{settings.demo.port}"} if demo else set()
    for assistant in settings.assistants.values():
        named = [assistant.server, *(getattr(tool, "server", None) for tool in assistant.model.tools)]
        for url in (one.url for one in named if one is not None):
            place = urlsplit(url).netloc
            if place and "{{" not in place and place not in seen:
                seen.add(place)
                yield url


async def _connect(host: str, port: int) -> str:
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        return _word(error)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""


def _word(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text_of = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
    return text_of.lower().rstrip(".")
