"""Events of calls come in: each is kept once, its call's row follows, and its messages go to the outbox, all in one
transaction."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.analytics.price_book import price_book
from gateway.call.journal import goes_on
from gateway.call.prices import Price
from gateway.errors import NotFound
from gateway.messages.encoding import encode, read_event, read_json
from gateway.messages.envelope import server_body
from gateway.messages.event import CallEvent, part
from gateway.messages.links import Links
from gateway.messages.message import Audience, Message, subscriptions, wanted
from gateway.messages.servers import CallServers, Origin, Origins
from gateway.messages.view import CallView
from gateway.observe import webhook_metrics as metrics
from gateway.store import outbox
from gateway.store.calls import CallRow, Calls, find_call
from gateway.store.database import Database
from gateway.store.events import NewEvent, StoredEvent, append_events, events_of
from gateway.store.organisations import default_organisation, organisation
from gateway.store.outbox import NewDelivery
from gateway.webhooks.run import Added
from gateway.webhooks.sender import Sender

log = structlog.get_logger(__name__)

_UNSEEN = frozenset(
    {"partial", "speech", "agent-speech", "model-output", "hang", "pause", "verdict", "note", "control"}
)
"""Kinds after which the call's row says the same as before."""
_AT_ONCE = frozenset({"call", "ringing", "answered", "transfer", "ended", "analysis", "report"})
"""Kinds after which the row follows in the same transaction; of the others, one that comes a moment later writes it."""
ROW_MS = 1000
_FOLLOWING = (
    *("type", "status", "startedAt", "endedAt", "endedReason", "endedMessage", "destination", "customer", "transport"),
    *("phoneCallProvider", "phoneCallProviderId", "phoneCallTransport", "cost", "costs", "costBreakdown", "messages"),
    *("artifact", "analysis"),
)
"""Fields of a Call that its events tell; the others stay as whoever made the call wrote them."""


@dataclass(slots=True)
class KnownCall:
    """A call whose events come."""

    organisation_id: str
    view: CallView
    servers: CallServers
    row_ms: int = 0
    """When its row was written last, by the events' wall clock."""
    row_behind: bool = False
    """Its row says less than the view."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that was committed, with the messages that follow from it, and the call as it was then."""

    event: StoredEvent
    messages: Sequence[Message]
    view: CallView


@dataclass(slots=True)
class _Batch:
    arrivals: list[Arrival] = field(default_factory=list)
    deliveries: list[NewDelivery] = field(default_factory=list)


class Intake:
    """Takes the events of all calls.

    :param links: where recordings and logs can be fetched
    :param prices: those of the settings
    :param committed: told of what was committed, in order, while the views still are as after the last event
    :param sender: sends the messages; without one they wait in the outbox for that of another process
    """

    def __init__(
        self,
        database: Database,
        origins: Origins,
        *,
        links: Links,
        prices: Sequence[Price] = (),
        committed: Callable[[Sequence[Arrival]], None] = lambda _: None,
        sender: Sender | None = None,
    ) -> None:
        self._database = database
        self._origins = origins
        self._links = links
        self._prices = prices
        self._committed = committed
        self._sender = sender
        self._calls: dict[str, KnownCall] = {}
        self._lock = asyncio.Lock()

    async def append(self, events: Iterable[NewEvent], gateway: str | None = None) -> None:
        """Commit events; those that were committed before are passed over.

        A call that was closed because nobody held it stays as it ended: what its gateway tells of it later is kept, and
        shown, without another end and without messages.

        :param gateway: who has the calls that begin with them

        Raises whatever the database raises; then nothing of them is committed.
        """
        batch, calls = _Batch(), _by_call(events)
        async with self._lock:
            try:
                async with self._database.transaction() as session:
                    await self._take(session, calls, batch, gateway)
                    added = await self._post(session, batch.deliveries)
            except BaseException:
                # The views are ahead of what is kept: they are made anew of it.
                for call_id in calls:
                    self._calls.pop(call_id, None)
                raise
            if self._sender is not None:
                self._sender.send(added)
            self._committed(batch.arrivals)
            self._forget(batch)

    async def call(self, call_id: str) -> KnownCall | None:
        """A call as its committed events tell it; None where there is none."""
        async with self._lock, self._database.reading() as session:
            return self._calls.get(call_id) or await self._known(session, call_id)

    def forget(self, call_id: str) -> None:
        """The call was deleted."""
        self._calls.pop(call_id, None)

    async def add(self, call_id: str, kind: str, data: dict[str, Any], *, time_ms: int) -> None:
        """Append an event of our own behind the last one of a call."""
        known = await self.call(call_id)
        if known is None:
            return
        at_ms = known.view.over.at_ms if known.view.over is not None else 0
        event = NewEvent(call_id, known.view.sequence + 1, at_ms, time_ms, kind, json.dumps(data, ensure_ascii=False))
        await self.append([event])

    # ------------------------------------------------------------ one call

    async def _take(
        self, session: AsyncSession, calls: Mapping[str, Sequence[NewEvent]], batch: _Batch, gateway: str | None
    ) -> None:
        """One statement keeps the events of all calls of an organisation: each waits for the database's thread."""
        owned: dict[str, list[NewEvent]] = {}
        for call_id, events in calls.items():
            known = self._calls.get(call_id) or await self._known(session, call_id)
            known = known or await self._made(session, events[0], gateway)
            if known is None:
                log.warning("events of an unknown call are left out", call=call_id, events=len(events))
                continue
            self._calls[call_id] = known
            owned.setdefault(known.organisation_id, []).extend(_but_a_second_end(known, events))
        for organisation_id, events in owned.items():
            stored = await append_events(session, organisation_id, events)
            for call_id, own in groupby(stored, key=lambda one: one.call_id):
                await self._took(session, call_id, list(own), batch)

    async def _took(self, session: AsyncSession, call_id: str, stored: Sequence[StoredEvent], batch: _Batch) -> None:
        known = self._calls[call_id]
        if known.view.over is not None and stored[0].sequence < known.view.over.sequence:
            await self._took_late(session, call_id, stored)
            return
        if stored[0].sequence != known.view.sequence + 1:
            # Another process has taken events of this call meanwhile.
            known = await self._known(session, call_id, until=stored[0].sequence) or known
            self._calls[call_id] = known
        for one in stored:
            last = known.view.sequence
            if one.sequence != last + 1 and not goes_on(one.sequence, read_json(one.data), last):
                metrics.EVENT_GAPS.inc()
                log.error("events of a call are missing", call=call_id, after=last, before=one.sequence)
            self._apply(known, one, batch)
        await self._follow(session, known, stored)

    async def _took_late(self, session: AsyncSession, call_id: str, stored: Sequence[StoredEvent]) -> None:
        """A gateway is back with a call that was closed meanwhile. The row shows what is known now."""
        log.warning("events of a call that was closed", call=call_id, events=len(stored))
        self._calls.pop(call_id)
        if (known := await self._known(session, call_id)) is not None:
            await self._write(session, known)

    def _apply(self, known: KnownCall, stored: StoredEvent, batch: _Batch) -> None:
        event = read_event(stored)
        messages = known.view.apply(event)
        batch.arrivals.append(Arrival(stored, messages, known.view))
        for message in messages:
            if (delivery := self._delivery(known, message)) is not None:
                batch.deliveries.append(delivery)

    async def _post(self, session: AsyncSession, new: Sequence[NewDelivery]) -> Added:
        if self._sender is not None:
            return await self._sender.add(session, new)
        await outbox.add_all(session, new)
        return Added([], len(new))

    def _delivery(self, known: KnownCall, message: Message) -> NewDelivery | None:
        view = known.view
        if not wanted(message, Audience.SERVER, subscriptions(view.assistant, Audience.SERVER)):
            return None
        server = known.servers.server(view.assistant)
        if server is None:
            return None
        return NewDelivery(
            known.organisation_id,
            stream=stream_of(server["url"], view.id),
            type=message.type,
            server=server,
            body=encode(server_body(view, message)),
            call_id=view.id,
        )

    async def _follow(self, session: AsyncSession, known: KnownCall, stored: Sequence[StoredEvent]) -> None:
        """Write the call's row, but not for each word of a conversation: it holds the whole of it."""
        known.row_behind |= any(one.kind not in _UNSEEN for one in stored)
        at_once = any(one.kind in _AT_ONCE for one in stored)
        now_ms = stored[-1].time_ms
        if not at_once and not (known.row_behind and abs(now_ms - known.row_ms) >= ROW_MS):
            return
        known.row_ms, known.row_behind = now_ms, False
        await self._write(session, known)

    async def _write(self, session: AsyncSession, known: KnownCall) -> None:
        shown = known.view.call()
        try:
            await Calls(session, known.organisation_id).follow(
                known.view.id, {name: shown.get(name) for name in _FOLLOWING}
            )
        except NotFound:
            log.info("events of a deleted call", call=known.view.id)

    # ------------------------------------------------------------ calls that are new here

    async def _known(self, session: AsyncSession, call_id: str, *, until: int | None = None) -> KnownCall | None:
        """A call that has a row, with what happened in it until now.

        :param until: the sequence of the first event that is left out
        """
        row = await find_call(session, call_id)
        if row is None:
            return None
        events = [read_event(one) for one in await events_of(session, row.organisation_id, call_id)]
        name = events[0].text("assistant") if events and not events[0].part("plan") else ""
        origin = await self._origins.of(session, row.organisation_id, row.shown(), name)
        known = KnownCall(row.organisation_id, await self._new_view(session, row, origin), origin.servers)
        for event in events:
            if until is None or event.sequence < until:
                known.view.apply(event)
        return known

    async def _made(self, session: AsyncSession, first: NewEvent, gateway: str | None) -> KnownCall | None:
        """A call that begins: what the settings' routes took, or an inbound one."""
        if first.kind != "call":
            return None
        event = CallEvent(first.call_id, first.sequence, first.at_ms, first.time_ms, first.kind, read_json(first.data))
        plan = event.part("plan")
        organisation_id = await self._organisation(session, plan.get("organisation"))
        body = {"type": "inboundPhoneCall", "status": "queued", **part(plan, "call")}
        row = await Calls(session, organisation_id).create(body, id=first.call_id, gateway=gateway)
        name = "" if plan else event.text("assistant")
        origin = await self._origins.of(session, organisation_id, row.shown(), name)
        view = await self._new_view(session, row, origin, told={name: body[name] for name in part(plan, "call")})
        return KnownCall(organisation_id, view, origin.servers)

    async def _organisation(self, session: AsyncSession, id_: object) -> str:
        if isinstance(id_, str) and id_:
            try:
                return (await organisation(session, id_)).id
            except NotFound:
                log.warning("call of an unknown organisation", organisation=id_)
        return (await default_organisation(session)).id

    async def _new_view(
        self, session: AsyncSession, row: CallRow, origin: Origin, told: dict[str, Any] | None = None
    ) -> CallView:
        prices = await price_book(session, row.organisation_id, self._prices, at=row.created_at)
        shown = row.shown()
        made = row.body if told is None else told
        kept = {name: value for name, value in made.items() if name not in _FOLLOWING or name in ("type", "customer")}
        ours = {name: shown[name] for name in ("id", "orgId", "createdAt")}
        return CallView({**kept, **ours}, assistant=origin.assistant, links=self._links, prices=prices)

    def _forget(self, batch: _Batch) -> None:
        for arrival in batch.arrivals:
            if arrival.view.reported:
                self._calls.pop(arrival.view.id, None)


def _by_call(events: Iterable[NewEvent]) -> dict[str, list[NewEvent]]:
    """In the order in which they came, a call's together: its row follows once."""
    calls: dict[str, list[NewEvent]] = {}
    for event in events:
        calls.setdefault(event.call_id, []).append(event)
    return calls


def _but_a_second_end(known: KnownCall, events: Sequence[NewEvent]) -> Iterable[NewEvent]:
    over = known.view.over
    return (one for one in events if one.kind != "ended" or over is None or one.sequence >= over.sequence)


def stream_of(url: str, call_id: str | None) -> str:
    """What arrives in order: the messages of one call to one server. Begins with the server's host and port."""
    return f"{urlsplit(url).netloc.rpartition('@')[2].lower()}/{call_id or ''}"[:250]
