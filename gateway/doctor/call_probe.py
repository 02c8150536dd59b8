"""Makes the echo call of `parley doctor --call`, and takes the one of `--wait`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.call.leg import Leg, LegFrame, LegInfo
from gateway.doctor.echo import chirps, level_dbfs, measure
from gateway.doctor.echo_call import EchoFacts
from gateway.errors import LegError
from gateway.media.audio import FRAME_MS, SAMPLE_BYTES, samples_to_ms
from gateway.sip.endpoint import SipEndpoint

_RING_SECONDS = 25.0
_SETTLE_MS = 1000
"""After the answer: DTLS, and a PBX that learns our address from the first packets."""
_SPOKEN_MS = 30_000
"""The longest announcement that is waited for to end; then the chirps are played into it."""
_QUIET_MS = 600
_BACK_MS = 2000
"""For what was played last to come back."""
_KEY = "5"
_END_SECONDS = 3.0


@dataclass(slots=True)
class Ear:
    """A listener that keeps both sides of a call, tick by tick, and what was told."""

    sent: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)
    keys: str = ""
    spoken_at: int = 0
    """The tick at which the far end was last loud."""
    ticks: int = 0
    packets: int = 0
    end: tuple[int, str, bool] | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_frame(self, frame: LegFrame) -> None:
        self.sent += frame.agent
        self.heard += frame.caller
        self.ticks += 1
        self.packets += frame.present
        if frame.speech:
            self.spoken_at = self.ticks
        self.changed.set()

    def on_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        """Never: the leg is not armed."""

    def on_ringing(self) -> None:
        """The answer is waited for all the same."""

    def on_answered(self) -> None:
        self.answered.set()
        self.changed.set()

    def on_digit(self, digit: str) -> None:
        self.keys += digit

    def on_hold(self, held: bool) -> None:
        """Then silence is heard."""

    def on_transfer(self, ok: bool, detail: str) -> None:
        """Never: nothing is transferred."""

    def on_replaced(self, info: LegInfo) -> None:
        """The echo is looked for all the same."""

    def on_ended(self, status: int, reason: str, *, by_remote: bool) -> None:
        self.end = (status, reason, by_remote)
        self.answered.set()
        self.changed.set()

    async def hear(self, milliseconds: int) -> None:
        """Until so much of the call has gone by, or it has ended; bounded also where no frame comes."""
        until = self.ticks + milliseconds // FRAME_MS
        await self._wait(lambda: self.ticks >= until, milliseconds / 1000 + 2)

    async def until_quiet(self) -> None:
        """Until an announcement is over."""
        await self._wait(lambda: self.ticks - self.spoken_at > _QUIET_MS // FRAME_MS, _SPOKEN_MS / 1000)

    async def ended(self) -> None:
        """Until the leg is gone, a moment at most."""
        await self._wait(lambda: False, _END_SECONDS)

    async def _wait(self, reached: Callable[[], bool], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while self.end is None and not reached():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            return


async def call_echo(
    endpoint: SipEndpoint, number: str, *, trunk: str | None, ring_seconds: float = _RING_SECONDS
) -> EchoFacts:
    """Call an echo, play to it, and measure what comes back."""
    about = f"{number} by {trunk}" if trunk else number
    try:
        leg = await endpoint.dial(number, trunk=trunk)
    except LegError as error:
        return EchoFacts(about, answered=False, reason=str(error))
    ear = Ear()
    leg.arm_pause(False)
    leg.attach(ear)
    try:
        async with asyncio.timeout(ring_seconds):
            await ear.answered.wait()
    except TimeoutError:
        await leg.hangup()
        return EchoFacts(about, answered=False, status=408, reason=f"nobody answered within {ring_seconds:.0f} s")
    if ear.end is not None:
        status, reason, _ = ear.end
        return EchoFacts(about, answered=False, status=status, reason=reason)
    return await _examined(leg, ear, about)


async def _examined(leg: Leg, ear: Ear, about: str) -> EchoFacts:
    await ear.hear(_SETTLE_MS)
    await ear.until_quiet()
    await play(leg, ear)
    # before keys: an echo may end at one
    echo, level = measure(bytes(ear.sent), bytes(ear.heard)), level_dbfs(bytes(ear.heard))
    keys = await _press(leg, ear) if echo is not None else None
    statistics = await leg.statistics()
    await leg.hangup()
    await ear.ended()
    return EchoFacts(about, True, statistics=statistics, echo=echo, spoke_dbfs=level, keys=keys)


async def play(leg: Leg, ear: Ear) -> None:
    """Play the chirps, and hear until they can be back."""
    pcm = chirps()
    sent = 0
    while sent < len(pcm) and ear.end is None:
        sent += SAMPLE_BYTES * leg.play(1, sent // SAMPLE_BYTES, pcm[sent : sent + 8000], final=sent + 8000 >= len(pcm))
        await ear.hear(200)
    # what is still queued, and its way there and back
    await ear.hear(samples_to_ms(leg.queued()) + _BACK_MS)


async def _press(leg: Leg, ear: Ear) -> str:
    try:
        await leg.send_digits(_KEY)
    except LegError:
        return ""
    await ear.hear(1200)
    return ear.keys
