"""What a worker writes into the journal of a call, on its way to the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.conversation.context import Context, Fact
from gateway.conversation.journal import Entry, entry_of
from gateway.link.v1 import link_pb2 as pb
from gateway.providers.usage import UsageBook

Send = Callable[[pb.WorkerEvent, bool], None]
"""Passes an event to the gateway: at once when the second is true, else with the next tick."""


class ProviderNotes:
    """What providers say of themselves in one call. They are made before the assistant has the call: what they say
    then waits for its journal."""

    def __init__(self) -> None:
        self._journal: SessionJournal | None = None
        self._early: list[tuple[str, str]] = []

    def __call__(self, event: str, detail: str) -> None:
        """A provider did something."""
        if self._journal is None:
            self._early.append((event, detail))
        else:
            self._journal.note(event, detail=detail)

    def go_to(self, journal: SessionJournal) -> None:
        """Here is the journal."""
        self._journal = journal
        early, self._early = self._early, []
        for event, detail in early:
            self(event, detail)


KEPT_SECONDS = 2.0
"""The gateway's disk takes some ms. Who waits for longer has lost the call, or the disk is broken."""


class Durability:
    """How many entries of a call went to the gateway on this stream, and how many of them it has on disk."""

    def __init__(self) -> None:
        self._sent = 0
        self._kept = 0
        self._tells = False
        """The gateway knows how to tell."""
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def sent(self) -> None:
        """One more entry went out."""
        self._sent += 1

    def told(self, entries: int) -> None:
        """The gateway has this many on disk."""
        self._tells = True
        self._kept = max(self._kept, entries)
        due = [answer for count, answer in self._waiting if count <= self._kept]
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > self._kept]
        for answer in due:
            if not answer.done():
                answer.set_result(None)

    async def caught_up(self) -> bool:
        """Wait until all that went out by now is on disk; False when that is not told in time."""
        if self._kept >= self._sent or not self._tells:
            return True
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._sent, answer))
        try:
            async with asyncio.timeout(KEPT_SECONDS):
                await answer
        except TimeoutError:
            return False
        return True


class SessionJournal:
    """Facts go into the context and the journal, everything else into the journal alone.

    :param now: the call clock, ms
    :param keep: is given each entry, for whoever goes on with the call
    :param durability: of the call on this stream, over all its sessions
    """

    def __init__(
        self,
        context: Context,
        usage: UsageBook,
        *,
        now: Callable[[], int],
        send: Send,
        keep: Callable[[Entry], None] = lambda _: None,
        durability: Durability | None = None,
    ) -> None:
        self._context = context
        self._usage = usage
        self._now = now
        self._send = send
        self._keep = keep
        self._durability = durability or Durability()

    def write(self, kind: str, **data: Any) -> None:
        """Append an entry that is no part of the context."""
        self.append(Entry(self._now(), kind, data))

    def record(self, fact: Fact, **details: Any) -> None:
        """Keep a fact."""
        now = self._now()
        self._context.add(fact, start_ms=details.get("start_ms", now), end_ms=details.get("end_ms", now))
        self.append(entry_of(fact, now, **details))

    def note(self, event: str, **data: Any) -> None:
        """Something that the record of the call should tell."""
        self.write("note", event=event, **data)

    def tell_usage(self) -> None:
        """The amounts that the call used so far, when there are new ones."""
        if (rows := self._usage.news()) is not None:
            self.write("usage", rows=rows)

    def append(self, entry: Entry) -> None:
        """Send an entry to the gateway, which has it on disk before what follows from it."""
        message = pb.JournalEntry(at_ms=entry.at_ms, kind=entry.kind, json=entry.json)
        self._keep(entry)
        self._durability.sent()
        self._send(pb.WorkerEvent(journal=message), entry.kind == "tool-call")

    async def durable(self) -> bool:
        """Wait until the gateway has all entries so far on disk: from then on no other worker does what they say
        again. False when it does not say so in time: another worker may have the call."""
        return await self._durability.caught_up()
