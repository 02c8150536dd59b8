"""`parley key` and `parley organisation`: they open the database themselves, whether a control plane runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.settings import Settings
from gateway.store.database import Database, store_url
from gateway.store.keys import ApiKey, Scope, create_key, list_keys, revoke
from gateway.store.organisations import (
    Organisation,
    create_organisation,
    default_organisation,
    list_organisations,
    organisation,
)

_T = TypeVar("_T")


def create(settings: Settings, owner: str | None, *, name: str, scope: Scope) -> None:
    """Print a new key alone on standard output, and on standard error what to do with it."""

    async def make(session: AsyncSession) -> str:
        return await create_key(session, (await _organisation(session, owner)).id, name=name, scope=scope)

    typer.echo(_in_transaction(settings, make))
    typer.echo(f"Keep this {scope} key: it is not shown again. Send it as `Authorization: Bearer KEY`.", err=True)


def list_all(settings: Settings, owner: str | None) -> None:
    """Print a line for each key."""
    keys = _in_transaction(settings, lambda session: _listed(session, owner))
    table = Table("key", "scope", "name", "made", "last used", "", "id", box=None, padding=(0, 2, 0, 0))
    for key in keys:
        state = "revoked" if key.revoked_at else ""
        used = _day(key.last_used_at) or "never"
        table.add_row(f"{key.prefix}…", key.scope, escape(key.name), _day(key.created_at), used, state, key.id)
    Console(highlight=False).print(table)


def revoke_one(settings: Settings, owner: str | None, key: str) -> None:
    """Revoke and say so."""

    async def take_away(session: AsyncSession) -> str:
        revoked = await revoke(session, (await _organisation(session, owner)).id, key.removesuffix("…"))
        return f"The key {revoked.prefix}… is revoked."

    typer.echo(_in_transaction(settings, take_away))


def create_an_organisation(settings: Settings, name: str) -> None:
    """Make it and say how it gets a key."""
    made = _in_transaction(settings, lambda session: create_organisation(session, name))
    typer.echo(f"{made.id}  {made.name}")
    typer.echo(f"Make a key for it: parley key create --organisation {made.id}", err=True)


def list_all_organisations(settings: Settings) -> None:
    """Print a line for each."""
    table = Table("id", "name", "made", "", box=None, padding=(0, 2, 0, 0))
    for one in _in_transaction(settings, list_organisations):
        table.add_row(one.id, escape(one.name), _day(one.created_at), "default" if one.is_default else "")
    Console(highlight=False).print(table)


def _in_transaction(settings: Settings, ask: Callable[[AsyncSession], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        database = await Database.open(store_url(settings))
        try:
            async with database.transaction() as session:
                return await ask(session)
        finally:
            await database.close()

    return asyncio.run(run())


async def _listed(session: AsyncSession, owner: str | None) -> Sequence[ApiKey]:
    return await list_keys(session, (await _organisation(session, owner)).id)


async def _organisation(session: AsyncSession, owner: str | None) -> Organisation:
    return await (default_organisation(session) if owner is None else organisation(session, owner))


def _day(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M") if at else ""
