"""Looks up host names again and again, on the event loop, and tells what it finds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

import structlog

from gateway.sip import lookup
from gateway.sip.lookup import IPV4_ONLY, HostName, Kind, NotLocated
from gateway.trunk.targets import Target

log = structlog.get_logger(__name__)

_SHORTEST_SECONDS, _LONGEST_SECONDS = 30.0, 3600.0
_AGAIN_SECONDS = 30.0
_PATIENCE_SECONDS = (5.0, 40.0)
"""How long all questions of a lookup may take: the first time, and after a failure, for name servers that are slow."""

OnLocated = Callable[[HostName, Sequence[Target]], None]
"""Told who stands behind a name; nobody when that cannot be found out, and what was found before still holds."""


class Locator:
    """One task for each name. All methods are for the event loop's thread.

    :param kinds: the addresses that can be reached, the preferred first
    """

    def __init__(self, on_located: OnLocated, kinds: Sequence[Kind] = IPV4_ONLY) -> None:
        self._on_located = on_located
        self._kinds = tuple(kinds)
        self._tasks: dict[HostName, asyncio.Task[None]] = {}

    def watch(self, hosts: Collection[HostName]) -> None:
        """The names that are looked up from now on."""
        for host in self._tasks.keys() - set(hosts):
            self._tasks.pop(host).cancel()
        for host in set(hosts) - self._tasks.keys():
            self._tasks[host] = asyncio.create_task(self._follow(host), name=f"locate {host.name}")

    async def close(self) -> None:
        """Stop looking."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, host: HostName) -> None:
        failures = 0
        while True:
            try:
                located = await self._locate(host, _PATIENCE_SECONDS[min(failures, 1)])
            except NotLocated as error:
                log.warning("sip.name_not_found", host=host.name, reason=str(error))
                self._on_located(host, ())
                failures += 1
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                failures = 0
                self._on_located(host, located.targets)
                await asyncio.sleep(min(max(located.seconds, _SHORTEST_SECONDS), _LONGEST_SECONDS))

    async def _locate(self, host: HostName, patience: float) -> lookup.Located:
        resolver = lookup.make_resolver()
        resolver.lifetime = resolver.timeout = patience
        try:
            async with asyncio.timeout(2 * patience):
                return await lookup.locate(host, resolver, self._kinds)
        except TimeoutError as error:
            raise NotLocated(f"The name server did not answer for {host.name} in time.") from error
