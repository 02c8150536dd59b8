"""What a worker writes into the journal of a call, on its way to the gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.conversation.context import Context, Fact
from gateway.conversation.journal import Entry, entry_of
from gateway.link.v1 import link_pb2 as pb
from gateway.providers.usage import UsageBook

Send = Callable[[pb.WorkerEvent, bool], None]
"""Passes an event to the gateway: at once when the second is true, else with the next tick."""


class SessionJournal:
    """Facts go into the context and the journal, everything else into the journal alone.

    :param now: the call clock, ms
    :param keep: is given each entry, for whoever goes on with the call
    """

    def __init__(
        self,
        context: Context,
        usage: UsageBook,
        *,
        now: Callable[[], int],
        send: Send,
        keep: Callable[[Entry], None] = lambda _: None,
    ) -> None:
        self._context = context
        self._usage = usage
        self._now = now
        self._send = send
        self._keep = keep
        self._early: list[tuple[str, dict[str, Any]]] | None = []

    def open(self) -> None:
        """The call was accepted: it has a journal from here on, and gets the notes that were made before."""
        early, self._early = self._early or [], None
        for event, data in early:
            self.note(event, **data)

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
        if self._early is None:
            self.write("note", event=event, **data)
        else:
            self._early.append((event, data))

    def noted_by_provider(self, event: str, detail: str) -> None:
        """What a provider did."""
        self.note(event, detail=detail)

    def tell_usage(self) -> None:
        """The amounts that the call used so far, when there are new ones."""
        if (rows := self._usage.news()) is not None:
            self.write("usage", rows=rows)

    def append(self, entry: Entry) -> None:
        """Send an entry to the gateway, which has it on disk before what follows from it."""
        message = pb.JournalEntry(at_ms=entry.at_ms, kind=entry.kind, json=entry.json)
        self._keep(entry)
        self._send(pb.WorkerEvent(journal=message), entry.kind == "tool-call")
