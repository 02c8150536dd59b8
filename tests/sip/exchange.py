"""An endpoint under test with a call layer that does what the test says, and remembers all it was told."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.call.leg import Leg, LegFrame, LegInfo
from gateway.settings import Settings
from gateway.sip.endpoint import SipEndpoint
from tests.peers.ports import LOOPBACK, free_port, free_ports

PATIENCE = 8.0


@dataclass(slots=True)
class Told:
    """A listener that writes down what it is told; `events` are (name, arguments) but for frames."""

    leg: Leg
    events: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    frames: list[LegFrame] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    on_each_frame: Callable[[LegFrame], None] = lambda frame: None

    def on_frame(self, frame: LegFrame) -> None:
        self.frames.append(frame)
        self.on_each_frame(frame)
        self.changed.set()

    def on_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        self._note("pause", utterance, position, onset_tick, tick)

    def on_ringing(self) -> None:
        self._note("ringing")

    def on_answered(self) -> None:
        self._note("answered")

    def on_digit(self, digit: str) -> None:
        self._note("digit", digit)

    def on_hold(self, held: bool) -> None:
        self._note("hold", held)

    def on_transfer(self, ok: bool, detail: str) -> None:
        self._note("transfer", ok, detail)

    def on_replaced(self, info: LegInfo) -> None:
        self._note("replaced", info)

    def on_ended(self, status: int, reason: str, *, by_remote: bool) -> None:
        self._note("ended", status, reason, by_remote)

    def _note(self, name: str, *arguments: Any) -> None:
        self.events.append((name, arguments))
        self.changed.set()

    def all(self, name: str) -> list[tuple[Any, ...]]:
        """Arguments of every event of that name."""
        return [arguments for event, arguments in self.events if event == name]

    async def until(self, reached: Callable[[Told], bool], what: str) -> None:
        """:raises AssertionError: when it is not reached in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not reached(self):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"{what} was not told; told: {self.events}, {len(self.frames)} frames") from None

    async def event(self, name: str) -> tuple[Any, ...]:
        """The arguments of the first event of that name."""
        await self.until(lambda told: bool(told.all(name)), name)
        return self.all(name)[0]


@dataclass(slots=True)
class Exchange:
    """A running endpoint. `answering` is what happens to each inbound leg, which rings; by default it is answered."""

    endpoint: SipEndpoint
    settings: Settings
    calls: list[Told] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    answering: Callable[[Leg], Any] = lambda leg: leg.answer()
    alerting: bool = True

    def take(self, leg: Leg) -> None:
        told = Told(leg)
        leg.attach(told)
        self.calls.append(told)
        self.came.set()
        self.tasks.add(asyncio.get_running_loop().create_task(self._answer(leg)))

    async def _answer(self, leg: Leg) -> None:
        if self.alerting:
            await leg.alert()
        await self.answering(leg)

    async def call(self, index: int = 0) -> Told:
        """The `index`th inbound call."""
        async with asyncio.timeout(PATIENCE):
            while len(self.calls) <= index:
                self.came.clear()
                await self.came.wait()
        return self.calls[index]

    @property
    def address(self) -> str:
        return self.endpoint.address


def settings(**changes: Any) -> Settings:
    """Settings of an endpoint on free loopback ports; `changes` are sections."""
    sip = {"host": LOOPBACK, "port": free_port(), "max_calls": 4, **changes.pop("sip", {})}
    data_dir = Path(tempfile.gettempdir()) / "parley-exchange"
    return Settings.model_validate({"data_dir": data_dir, "sip": sip, "rtp": {"ports": free_ports(64)}, **changes})


@asynccontextmanager
async def exchange(answering: Callable[[Leg], Any] | None = None, **changes: Any) -> AsyncIterator[Exchange]:
    """An endpoint while the block runs."""
    chosen = settings(**changes)
    legs: list[Exchange] = []
    endpoint = SipEndpoint(chosen, loop=asyncio.get_running_loop(), on_leg=lambda leg: legs[0].take(leg))
    running = Exchange(endpoint, chosen)
    if answering is not None:
        running.answering = answering
    legs.append(running)
    await endpoint.start()
    try:
        yield running
    finally:
        await endpoint.close()
        for task in running.tasks:
            task.cancel()
