"""`parley campaign`: reads the database itself, whether a control plane runs or not."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.campaigns.kept_campaigns import campaign_counted, campaign_shown, end_campaign
from gateway.commands.store_session import in_transaction, organisation_named
from gateway.errors import NotFound
from gateway.settings import Settings
from gateway.store.campaigns import ENDED
from gateway.store.contacts import Progress, progress_of
from gateway.store.entities import Entities, Entity, Kind
from gateway.store.listing import ListQuery

Campaign = Mapping[str, Any]
_COUNTERS = (
    ("wait", "callsCounterScheduled"),
    ("are being called", "callsCounterQueued"),
    ("are talking", "callsCounterInProgress"),
    ("are done", "callsCounterEnded"),
)
_FOLLOWED_SECONDS = 1.0
_MOST = 1000


def list_all(settings: Settings, owner: str | None) -> None:
    """Print a line for each, and its bar."""
    columns = ("id", "name", "status", "wait", "called", "talking", "done", "")
    table = Table(*columns, box=None, padding=(0, 2, 0, 0))
    for one in in_transaction(settings, lambda session: _counted(session, owner)):
        counts = [str(one[field]) for _, field in _COUNTERS]
        table.add_row(one["id"][:8], escape(str(one.get("name", ""))), one["status"], *counts, _bar(one, 20))
    Console(highlight=False).print(table)


def show(settings: Settings, owner: str | None, name: str, *, follow: bool) -> None:
    """Print how far it is; with `follow` until it has ended."""
    console = Console(highlight=False)

    def now() -> Campaign:
        return in_transaction(settings, lambda session: _shown(session, owner, name))

    campaign = now()
    if not follow:
        console.print(_drawn(campaign))
        return
    with Live(_drawn(campaign), console=console, auto_refresh=False) as live:
        while campaign["status"] != ENDED or _done(campaign) < _customers(campaign):
            time.sleep(_FOLLOWED_SECONDS)
            campaign = now()
            live.update(_drawn(campaign), refresh=True)


def stop(settings: Settings, owner: str | None, name: str) -> None:
    """End it and say what goes on."""

    async def end(session: AsyncSession) -> Campaign:
        found = await _found(session, owner, name)
        return await campaign_shown(session, await end_campaign(session, found))

    campaign = in_transaction(settings, end)
    going = campaign["callsCounterQueued"] + campaign["callsCounterInProgress"]
    typer.echo(f"{campaign['name']} has ended; {going or 'no'} call{'' if going == 1 else 's'} go on.")


def _drawn(campaign: Campaign) -> Group:
    counts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for label, field in _COUNTERS:
        counts.add_row(str(campaign[field]), label)
    for outcome, count in sorted(campaign["outcomes"].items()):
        counts.add_row(f"  {count}", outcome)
    reason = f" ({campaign['endedReason']})" if campaign.get("endedReason") else ""
    head = f"[bold]{escape(str(campaign['name']))}[/bold]  {campaign['id']}  {campaign['status']}{reason}"
    calls = f"{len(campaign['calls'])} calls to {_customers(campaign)} customers"
    return Group(head, _bar(campaign, 60), calls, counts)


def _bar(campaign: Campaign, width: int) -> ProgressBar:
    return ProgressBar(total=max(1, _customers(campaign)), completed=_done(campaign), width=width)


def _customers(campaign: Campaign) -> int:
    return sum(int(campaign[field]) for _, field in _COUNTERS)


def _done(campaign: Campaign) -> int:
    return int(campaign["callsCounterEnded"])


async def _counted(session: AsyncSession, owner: str | None) -> list[Campaign]:
    found = await _all(session, owner)
    progress = await progress_of(session, [one.id for one in found])
    return [campaign_counted(one, progress.get(one.id, Progress()), {}) for one in found]


async def _shown(session: AsyncSession, owner: str | None, name: str) -> Campaign:
    return await campaign_shown(session, await _found(session, owner, name))


async def _found(session: AsyncSession, owner: str | None, name: str) -> Entity:
    """:raises NotFound: none, or several, are named so"""
    named = [one for one in await _all(session, owner) if one.id.startswith(name) or one.body.get("name") == name]
    if len(named) != 1:
        what = "is no campaign" if not named else f"could be {len(named)} campaigns: give more of the id"
        raise NotFound(f"{name!r} {what}; `parley campaign list` shows them.")
    return named[0]


async def _all(session: AsyncSession, owner: str | None) -> Sequence[Entity]:
    organisation = await organisation_named(session, owner)
    return await Entities(session, organisation.id).list(Kind.CAMPAIGN, ListQuery(limit=_MOST))
