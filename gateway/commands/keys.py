"""`parley key` and `parley organisation`: they open the database themselves, whether a control plane runs or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.commands.store_session import in_transaction, organisation_named
from gateway.settings import Settings
from gateway.store.keys import ApiKey, Scope, create_key, list_keys, revoke
from gateway.store.organisations import (
    create_organisation,
    list_organisations,
)


def create(settings: Settings, owner: str | None, *, name: str, scope: Scope) -> None:
    """Print a new key alone on standard output, and on standard error what to do with it."""

    async def make(session: AsyncSession) -> str:
        return await create_key(session, (await organisation_named(session, owner)).id, name=name, scope=scope)

    typer.echo(in_transaction(settings, make))
    typer.echo(f"Keep this {scope} key: it is not shown again. Send it as `Authorization: Bearer KEY`.", err=True)


def list_all(settings: Settings, owner: str | None) -> None:
    """Print a line for each key."""
    keys = in_transaction(settings, lambda session: _listed(session, owner))
    table = Table("key", "scope", "name", "made", "last used", "", "id", box=None, padding=(0, 2, 0, 0))
    for key in keys:
        state = "revoked" if key.revoked_at else ""
        used = _day(key.last_used_at) or "never"
        table.add_row(f"{key.prefix}…", key.scope, escape(key.name), _day(key.created_at), used, state, key.id)
    Console(highlight=False).print(table)


def revoke_one(settings: Settings, owner: str | None, key: str) -> None:
    """Revoke and say so."""

    async def take_away(session: AsyncSession) -> str:
        revoked = await revoke(session, (await organisation_named(session, owner)).id, key.removesuffix("…"))
        return f"The key {revoked.prefix}… is revoked."

    typer.echo(in_transaction(settings, take_away))


def create_an_organisation(settings: Settings, name: str) -> None:
    """Make it and say how it gets a key."""
    made = in_transaction(settings, lambda session: create_organisation(session, name))
    typer.echo(f"{made.id}  {made.name}")
    typer.echo(f"Make a key for it: parley key create --organisation {made.id}", err=True)


def list_all_organisations(settings: Settings) -> None:
    """Print a line for each."""
    table = Table("id", "name", "made", "", box=None, padding=(0, 2, 0, 0))
    for one in in_transaction(settings, list_organisations):
        table.add_row(one.id, escape(one.name), _day(one.created_at), "default" if one.is_default else "")
    Console(highlight=False).print(table)


async def _listed(session: AsyncSession, owner: str | None) -> Sequence[ApiKey]:
    return await list_keys(session, (await organisation_named(session, owner)).id)


def _day(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M") if at else ""
