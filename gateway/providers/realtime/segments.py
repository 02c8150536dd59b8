"""Which item of the session holds which segment of the caller's speech, and what was said in it.

A segment that is asked for becomes an item, whose transcript is its text. When the caller goes on, a longer span is
asked for under a new id: its item takes the place of the shorter one's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.providers.base import Transcript

_KEPT = 32


@dataclass(slots=True)
class Segment:
    """A span that was asked for, ms of the call clock. `item` is empty until the session told its id."""

    id: int
    start_ms: int
    end_ms: int
    item: str = ""
    text: str = ""
    answered: bool = False
    replaced: bool = False
    failures: int = 0

    def covers(self, other: Segment) -> bool:
        """The other one's speech is in this one, too."""
        return self.start_ms <= other.start_ms and self.end_ms >= other.end_ms

    def transcript(self, *, final: bool) -> Transcript:
        """What is known of its text."""
        return Transcript(self.text, self.start_ms, self.end_ms, final, self.id if final else None)

    def superseded(self) -> Transcript:
        """The answer to one that was never heard to its end."""
        return Transcript("", self.start_ms, self.end_ms, True, self.id, superseded=True)


class Segments:
    """The latest segments of a call. Items are committed in the order in which they were asked for."""

    def __init__(self) -> None:
        self._all: deque[Segment] = deque(maxlen=_KEPT)
        self._uncommitted: deque[Segment] = deque()

    def ask(self, segment: Segment) -> list[Segment]:
        """A span is wanted; returns those that it takes the place of."""
        replaced = [known for known in self._all if not known.replaced and segment.covers(known)]
        for known in replaced:
            known.replaced = True
        self._all.append(segment)
        self._uncommitted.append(segment)
        return replaced

    def again(self, segment: Segment) -> None:
        """It is to be committed once more."""
        segment.item, segment.text = "", ""
        self._uncommitted.append(segment)

    def committed(self, item: str) -> Segment | None:
        """The session made an item of what was committed first."""
        if not self._uncommitted:
            return None
        segment = self._uncommitted.popleft()
        segment.item = item
        return segment

    def refused(self) -> Segment | None:
        """The session would not commit what was to be committed first."""
        return self._uncommitted.popleft() if self._uncommitted else None

    def of(self, item: str) -> Segment | None:
        """The segment of an item that waits for its text."""
        return next((one for one in self._all if one.item == item and not one.answered and not one.replaced), None)

    def lost(self) -> None:
        """The session's items are gone."""
        self._uncommitted.clear()
        for segment in self._all:
            segment.item = ""

    @property
    def unanswered(self) -> Iterator[Segment]:
        """Those whose text is still to come."""
        return (one for one in self._all if not one.answered and not one.replaced)
