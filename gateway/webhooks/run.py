"""Deliveries of one stream that are in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.store.outbox import Delivery


@dataclass(slots=True, eq=False)
class Run:
    """They go one after the other. While it is `whole`, nothing else of the stream is pending in the database, so that
    what comes may go behind without a look there."""

    stream: str
    whole: bool
    waiting: deque[Delivery] = field(default_factory=deque)
    sending: bool = False
    unwritten: int = 0
    """Were tried, but the database does not know yet."""

    @property
    def over(self) -> bool:
        return not (self.waiting or self.sending or self.unwritten)


@dataclass(frozen=True, slots=True)
class Added:
    """What a transaction added to the outbox: claimed for a run, or left to whoever claims it."""

    claimed: Sequence[tuple[Run, Delivery]]
    left: int
