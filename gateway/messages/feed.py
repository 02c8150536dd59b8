"""The feed of all calls of an organisation: their messages in the order of their events, from any place on.

Whoever follows reads the stored events and is only woken by new ones. So a slow reader holds nothing but its own
place, nobody misses anything, and events that another process committed come too.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway.errors import BadRequest
from gateway.messages.encoding import encode, read_event
from gateway.messages.envelope import client_body
from gateway.messages.view import CallView
from gateway.store.database import Database
from gateway.store.events import StoredEvent, events_after, events_of

IDLE_SECONDS = 5.0
"""The store is looked at so often though nobody says that there is something: another process may have written it."""
_EVENTS_AT_ONCE = 200
_CALLS_KEPT = 200


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Behind which message to go on: the event's position, and the message's number among those of the event."""

    position: int
    number: int = 0

    @classmethod
    def read(cls, text: str) -> Place:
        """From the id of a message. :raises BadRequest: it is none"""
        position, _, number = text.partition(".")
        if not (position.isascii() and position.isdigit() and len(position) < 19):
            raise BadRequest(f"Last-Event-ID is no id of this feed: {text[:40]}")
        return cls(int(position), int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 1 << 30)

    def __str__(self) -> str:
        return f"{self.position}.{self.number}"


@dataclass(frozen=True, slots=True)
class FeedMessage:
    """`body` is JSON text: the message with `callId`."""

    place: Place
    type: str
    body: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the feed is wanted: messages of one call, and of these types; empty means all."""

    call_id: str = ""
    types: Collection[str] = ()


@dataclass(slots=True)
class Feed:
    """Wakes those who follow organisations."""

    database: Database
    _followers: dict[str, set[asyncio.Event]] = field(default_factory=dict)

    def changed(self, organisation_id: str) -> None:
        """Events of its calls were committed."""
        for waiting in self._followers.get(organisation_id, ()):
            waiting.set()

    async def follow(self, organisation_id: str, after: Place, wanted: Wanted) -> AsyncIterator[FeedMessage]:
        """Messages without end, from behind `after` on."""
        views = _Views(self.database, organisation_id)
        position = after.position - 1 if after.number else after.position
        with self._following(organisation_id) as woken:
            while True:
                woken.clear()
                async with self.database.reading() as session:
                    events = await events_after(session, organisation_id, position, limit=_EVENTS_AT_ONCE)
                for event in events:
                    position = event.position
                    if not wanted.call_id or event.call_id == wanted.call_id:
                        for message in await views.messages(event):
                            if message.place > after and (not wanted.types or message.type in wanted.types):
                                yield message
                if not events:
                    await _woken(woken)

    @contextmanager
    def _following(self, organisation_id: str) -> Iterator[asyncio.Event]:
        woken = asyncio.Event()
        followers = self._followers.setdefault(organisation_id, set())
        followers.add(woken)
        try:
            yield woken
        finally:
            followers.discard(woken)
            if not followers:
                self._followers.pop(organisation_id, None)


async def _woken(event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            await event.wait()
    except TimeoutError:
        return


class _Views:
    """The calls that a follower reads about; one that was not heard of for long is read from its beginning again."""

    def __init__(self, database: Database, organisation_id: str) -> None:
        self._database = database
        self._organisation_id = organisation_id
        self._views: OrderedDict[str, CallView] = OrderedDict()

    async def messages(self, event: StoredEvent) -> Sequence[FeedMessage]:
        """Those that follow from the event."""
        view = self._views.get(event.call_id) or await self._begun(event)
        self._views[event.call_id] = view
        self._views.move_to_end(event.call_id)
        while len(self._views) > _CALLS_KEPT:
            self._views.popitem(last=False)
        told = [
            FeedMessage(
                Place(event.position, number), message.type, encode({**client_body(view, message), "callId": view.id})
            )
            for number, message in enumerate(view.apply(read_event(event)), start=1)
        ]
        if view.reported:
            del self._views[event.call_id]
        return told

    async def _begun(self, event: StoredEvent) -> CallView:
        view = CallView({"id": event.call_id, "orgId": self._organisation_id})
        if event.sequence > 1:
            async with self._database.reading() as session:
                earlier = await events_of(session, self._organisation_id, event.call_id)
            for one in earlier:
                if one.sequence < event.sequence:
                    view.apply(read_event(one))
        return view
