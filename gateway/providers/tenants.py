"""The providers of calls of the control plane: each organisation's with its own access.

They are made once for the same organisation and credentials, and shared by its calls. Those that are used least
recently go when there are many, or when one organisation has had very many different ones; a call keeps what it has.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from gateway.assistant.call_plan import CallPlan
from gateway.egress.client import guarded_client
from gateway.egress.connections import guarded_connections
from gateway.egress.guard import Guard
from gateway.providers.credentials import provider_credentials
from gateway.providers.registry import Providers

MOST_TENANTS = 50
MOST_MADE = 300
"""Providers of one organisation; then it gets new ones."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a call reaches others with. `client` is for tools and callouts."""

    providers: Providers
    client: httpx.AsyncClient


@dataclass(slots=True)
class _Lent:
    access: Access
    calls: int = 0
    retired: bool = False


class Tenants:
    """:param own: of assistants of the settings, which may connect to any address
    :param guard: of all others
    """

    def __init__(self, own: Access, guard: Guard, *, most: int = MOST_TENANTS) -> None:
        self._own = own
        self._guard = guard
        self._most = most
        self._lent: OrderedDict[str, _Lent] = OrderedDict()

    @asynccontextmanager
    async def access(self, plan: CallPlan | None) -> AsyncIterator[Access]:
        """What a call uses while the block runs, in whose task the call is held.

        :param plan: None for an assistant of the settings
        """
        if plan is None:
            yield self._own
            return
        trusted = all(member.trusted for member in plan.members)
        key = _key(plan, trusted)
        lent = self._lend(key, plan, trusted)
        lent.calls += 1
        try:
            if trusted:
                yield lent.access
                return
            with guarded_connections():
                yield lent.access
        finally:
            lent.calls -= 1
            await self._tidy()

    async def close(self) -> None:
        """End the connections that are kept."""
        lent, self._lent = list(self._lent.values()), OrderedDict()
        for one in lent:
            await _close(one.access, own=self._own)

    def _lend(self, key: str, plan: CallPlan, trusted: bool) -> _Lent:
        lent = self._lent.get(key)
        if lent is not None and lent.access.providers.made >= MOST_MADE:
            lent.retired = True
            self._lent[f"{key} retired {id(lent)}"] = self._lent.pop(key)
            lent = None
        if lent is None:
            providers = self._own.providers.of_tenant(
                plan.organisation, provider_credentials(plan.credentials), all_shared=plan.shared_credentials
            )
            client = self._own.client if trusted else guarded_client(self._guard)
            lent = self._lent[key] = _Lent(Access(providers, client))
        self._lent.move_to_end(key)
        return lent

    async def _tidy(self) -> None:
        idle = [key for key, one in self._lent.items() if not one.calls]
        retired = [key for key in idle if self._lent[key].retired]
        surplus = [key for key in idle if key not in retired][: max(0, len(self._lent) - len(retired) - self._most)]
        gone = [self._lent.pop(key) for key in (*retired, *surplus)]
        for one in gone:
            await asyncio.shield(_close(one.access, own=self._own))


async def _close(access: Access, *, own: Access) -> None:
    await access.providers.close()
    if access.client is not own.client:
        await access.client.aclose()


def _key(plan: CallPlan, trusted: bool) -> str:
    secrets = json.dumps([plan.credentials, plan.shared_credentials, trusted], sort_keys=True, default=str)
    return f"{plan.organisation} {hashlib.sha256(secrets.encode()).hexdigest()}"
