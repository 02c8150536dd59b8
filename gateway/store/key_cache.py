"""Who holds which key, remembered for seconds, so that not every request asks the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.tables import api_keys

Scope = Literal["private", "public"]
_SECONDS = 5.0
_MOST = 10_000
_SET_USE = (
    update(api_keys)
    .where(api_keys.c.id == bindparam("of_key"))
    .values(last_used_at=bindparam("at", type_=api_keys.c.last_used_at.type))
)


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who asks: a key of an organisation. A private one may do everything there."""

    organisation_id: str
    scope: Scope
    key_id: str


class KeyCache:
    """Of one process. A key that another process revokes still works here for `seconds`."""

    def __init__(self, seconds: float = _SECONDS, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.used: dict[str, datetime] = {}
        """Uses that are not written yet: key → when."""
        self._seconds = seconds
        self._monotonic = monotonic
        self._known: dict[str, tuple[KeyHolder, float]] = {}
        self._revoking = False

    def get(self, key_hash: str) -> KeyHolder | None:
        """Who holds the key; None when that is not known, or was asked too long ago."""
        holder, until = self._known.get(key_hash, (None, 0.0))
        return holder if self._monotonic() < until else None

    def put(self, key_hash: str, holder: KeyHolder) -> None:
        """Remember it, unless keys are being revoked."""
        if self._revoking:
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key_hash] = (holder, self._monotonic() + self._seconds)

    def forget(self) -> None:
        """Everything: the current transaction revokes a key. Nothing is remembered before `settled`."""
        self._revoking = True
        self._known.clear()

    def settled(self) -> None:
        """The transaction has ended."""
        self._revoking = False

    async def write_uses(self, session: AsyncSession) -> None:
        """Write when keys were last used, in somebody's transaction: it needs none of its own."""
        if self.used:
            uses, self.used = self.used, {}
            await session.execute(_SET_USE, [{"of_key": key, "at": at} for key, at in uses.items()])
