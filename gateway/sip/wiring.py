"""Who hears whom besides a call and its own agent: calls that are joined, a shared agent, sound for who waits.

On the owner thread; the sound itself flows in the media clock thread. A call gets another conference slot with each
offer and answer, so what is wanted is kept here by the calls' keys, and wired anew each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import structlog

from gateway.errors import LegError

log = structlog.get_logger(__name__)


class Wires(Protocol):
    """What the wiring needs of `gateway.sip.bridge.MediaBridge`."""

    def slot(self, leg: int) -> int: ...
    def wire(self, source: int, sink: int, on: bool) -> None: ...
    def open_loop(self, pcm: bytes) -> int: ...
    def close_loop(self, slot: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is on the conference: the slot of its leg, that of its stream, and whether the far end holds it."""

    agent: int
    party: int
    held: bool


Wire = tuple[int, int]
"""Source and sink."""


class Wiring:
    """The wires of all calls, by key."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._places: dict[int, Place] = {}
        self._joined: set[frozenset[int]] = set()
        self._shared: set[tuple[int, int]] = set()
        """(whose agent, who takes part)"""
        self._loops: dict[int, int] = {}

    def place(self, key: int, leg: int, party: int | None, *, held: bool) -> None:
        """A call's stream is in this slot from now on; None: it has none. What was wired to an earlier slot went with
        it, and what was wired to the leg went when that was connected."""
        before = self._places.pop(key, None)
        if party is None:
            return
        place = Place(self._wires.slot(leg), party, held)
        if before is not None and before.party == party and held:
            for wire in self._shared_wires(key, {**self._places, key: before}):
                self._wire(wire, on=False)
        self._places[key] = place
        for wire in self._wires_of(key):
            self._wire(wire, on=True)

    def remove(self, key: int) -> None:
        """The call is gone, and all that it had part in."""
        self.background(key, b"")
        self._places.pop(key, None)
        self._joined = {pair for pair in self._joined if key not in pair}
        self._shared = {pair for pair in self._shared if key not in pair}

    def join(self, one: int, other: int) -> None:
        """Both hear each other. :raises LegError: one of them has no sound"""
        self._require(one, other)
        self._joined.add(frozenset((one, other)))
        for wire in self._joined_wires(frozenset((one, other))):
            self._wires.wire(*wire, True)

    def part(self, one: int, other: int) -> None:
        """They do not any more."""
        pair = frozenset((one, other))
        if pair in self._joined:
            self._joined.discard(pair)
            for wire in self._joined_wires(pair):
                self._wire(wire, on=False)

    def share(self, of: int, to: int, on: bool) -> None:
        """Whether `to` takes part in the conversation of `of` with its agent. :raises LegError: one has no sound"""
        if on:
            self._require(of, to)
            self._shared.add((of, to))
        for wire in self._agent_wires(of, to, self._places) if (of, to) in self._shared else ():
            self._wire(wire, on=on)
        if not on:
            self._shared.discard((of, to))

    def background(self, key: int, pcm: bytes) -> None:
        """Sound for one call, over and over; empty for none. :raises LegError: it cannot be played"""
        before = self._loops.pop(key, None)
        if before is not None:
            self._wires.close_loop(before)
        if pcm:
            self._loops[key] = self._wires.open_loop(pcm)
            if place := self._places.get(key):
                self._wires.wire(self._loops[key], place.party, True)

    def _require(self, *keys: int) -> None:
        if any(key not in self._places for key in keys):
            raise LegError("One of the two calls has no sound, so they cannot hear each other.")

    def _wires_of(self, key: int) -> Iterator[Wire]:
        for pair in self._joined:
            if key in pair:
                yield from self._joined_wires(pair)
        yield from self._shared_wires(key, self._places)
        if key in self._loops:
            yield self._loops[key], self._places[key].party

    def _joined_wires(self, pair: frozenset[int]) -> Iterator[Wire]:
        places = [self._places[key] for key in pair if key in self._places]
        if len(places) == 2:
            one, other = places
            yield one.party, other.party
            yield other.party, one.party

    def _shared_wires(self, key: int, places: dict[int, Place]) -> Iterator[Wire]:
        for of, to in self._shared:
            if key in (of, to):
                yield from self._agent_wires(of, to, places)

    @staticmethod
    def _agent_wires(of: int, to: int, places: dict[int, Place]) -> Iterator[Wire]:
        """None while the far end holds one of them: music on hold is nobody's speech."""
        shared, taking_part = places.get(of), places.get(to)
        if shared and taking_part and not shared.held and not taking_part.held:
            yield shared.agent, taking_part.party
            yield taking_part.party, shared.agent

    def _wire(self, wire: Wire, *, on: bool) -> None:
        """As far as both ends are still there."""
        try:
            self._wires.wire(*wire, on)
        except LegError as error:
            log.debug("sip.wire_failed", source=wire[0], sink=wire[1], on=on, reason=str(error))
