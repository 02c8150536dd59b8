"""The api process: database, gateways, server messages and the REST port, until a signal ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from gateway.api.announcement import Announcement
from gateway.api.app import api_app
from gateway.api.context import ApiContext
from gateway.api.first_key import first_key
from gateway.api.signed_urls import UrlSigner
from gateway.egress.client import guarded_client
from gateway.egress.connections import guard_loop
from gateway.egress.guard import Guard
from gateway.messages.service import serving_messages
from gateway.observe.http import listening, serving_on
from gateway.plane.control_plane import ControlPlane
from gateway.settings import Settings
from gateway.shutdown import Shutdown
from gateway.store.database import Database, store_url
from gateway.store.secrets import Secrets

log = structlog.get_logger(__name__)


async def serve_api(settings: Settings, *, on_ready: Callable[[Announcement], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    :param on_ready: called once REST and the link answer
    :raises ParleyError: a port is taken, or the database cannot be used
    """
    shutdown = Shutdown()
    async with AsyncExitStack() as stack:
        stack.enter_context(shutdown.on_signals())
        announcement = await stack.enter_async_context(serving_api(settings))
        on_ready(announcement)
        await shutdown.asked.wait()


@asynccontextmanager
async def serving_api(settings: Settings) -> AsyncIterator[Announcement]:
    """Serve for as long as the block runs. :raises ParleyError: as `serve_api`"""
    async with AsyncExitStack() as stack:
        host, wanted = settings.api.host, settings.api.port
        listener = stack.enter_context(listening(host, wanted, purpose="the REST API (api.port)"))
        url = settings.api.public_url or f"http://{_in_url(host)}:{listener.getsockname()[1]}"
        database = await Database.open(store_url(settings))
        stack.push_async_callback(database.close)
        guard = Guard(settings.egress.allow)
        guard_loop(asyncio.get_running_loop(), guard)
        client = await stack.enter_async_context(guarded_client(guard))
        secrets = Secrets.of(settings)
        signer = UrlSigner(secrets.derived_key("signed urls"), url.rstrip("/"))
        messages = await stack.enter_async_context(
            serving_messages(settings, database, secrets, client=client, address=signer.call_url)
        )
        plane = ControlPlane(settings, database, secrets, client, messages.intake)
        link = await stack.enter_async_context(plane.serving())
        context = ApiContext(
            settings=settings,
            database=database,
            plane=plane,
            client=client,
            secrets=secrets,
            signer=signer,
            messages=messages,
        )
        await stack.enter_async_context(serving_on(listener, api_app(context), purpose="REST"))
        # The last thing: a key that is made and not told is lost.
        yield Announcement(url, link, await first_key(database, settings.api))


def _in_url(host: str) -> str:
    """Where a client on this machine finds an address that is listened on."""
    if host in ("0.0.0.0", "::"):  # noqa: S104  compared with, not listened on
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
