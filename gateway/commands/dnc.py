"""`parley dnc`: works in the database itself; a control plane that runs knows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.campaigns.number_file import read_numbers
from gateway.campaigns.numbers import listed_number
from gateway.commands.store_session import in_transaction, organisation_named
from gateway.errors import BadRequest
from gateway.settings import Settings
from gateway.store.do_not_call import Listed, list_numbers, listed_page, unlist_number

_FAULTS_SHOWN = 20


def add(settings: Settings, owner: str | None, numbers: Sequence[str], reason: str | None) -> None:
    """Add them and say how many are new."""
    read = dict.fromkeys(map(_number, numbers), reason)
    typer.echo(_added(_add(settings, owner, read), len(read)))


def remove(settings: Settings, owner: str | None, numbers: Sequence[str]) -> None:
    """Take them off. :raises Exit: 1 when one was not there"""
    read = [_number(one) for one in numbers]

    async def take_off(session: AsyncSession) -> list[Listed | None]:
        organisation = await organisation_named(session, owner)
        return [await unlist_number(session, organisation.id, number) for number in read]

    gone = in_transaction(settings, take_off)
    for number, listed in zip(read, gone, strict=True):
        typer.echo(f"{number} may be called again." if listed else f"{number} is not on the list.", err=listed is None)
    if None in gone:
        raise typer.Exit(1)


def list_all(settings: Settings, owner: str | None, limit: int) -> None:
    """Print a line for each, and how many there are."""

    async def page(session: AsyncSession) -> tuple[Sequence[Listed], int]:
        return await listed_page(session, (await organisation_named(session, owner)).id, limit=limit)

    found, total = in_transaction(settings, page)
    table = Table("number", "since", "reason", box=None, padding=(0, 2, 0, 0))
    for one in found:
        table.add_row(escape(one.number), one.created_at.strftime("%Y-%m-%d %H:%M"), escape(one.reason or ""))
    Console(highlight=False).print(table)
    if total > len(found):
        typer.echo(f"{total} in all; --limit {total} shows them.", err=True)


def import_file(settings: Settings, owner: str | None, path: Path) -> None:
    """Add the numbers of a file, and tell of the lines that hold none."""
    try:
        file = read_numbers(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadRequest(f"{path} is not in UTF-8: save it as CSV in UTF-8.") from None
    for fault in file.faults[:_FAULTS_SHOWN]:
        typer.echo(f"{path}: {fault}", err=True)
    if len(file.faults) > _FAULTS_SHOWN:
        typer.echo(f"{path}: and {len(file.faults) - _FAULTS_SHOWN} more lines without a number", err=True)
    typer.echo(_added(_add(settings, owner, file.numbers), len(file.numbers)))


def _add(settings: Settings, owner: str | None, numbers: Mapping[str, str | None]) -> int:
    async def listed(session: AsyncSession) -> int:
        return await list_numbers(session, (await organisation_named(session, owner)).id, numbers)

    return in_transaction(settings, listed)


def _number(written: str) -> str:
    number = listed_number(written)
    if number is None:
        raise BadRequest(f"{written!r} is no number with its country code, such as +15551234567, and no SIP URI.")
    return number


def _added(new: int, given: int) -> str:
    known = f"; {given - new} were on the list already" if new != given else ""
    return f"{new} number{'' if new == 1 else 's'} added{known}."
