"""A caller whose speech goes through the relay, and what the gateway heard of it."""

from __future__ import annotations

import asyncio
import audioop
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.call.leg import LegFrame
from gateway.media.audio import FRAME_BYTES, FRAME_MS
from tests.peers.impairment import UNIMPAIRED, Impairments
from tests.peers.ports import LOOPBACK
from tests.peers.relay import Relay, RelayPlan, running_relay
from tests.sip.exchange import Exchange, Told
from tests.sip.party import Party, party

Pcm = NDArray[np.int16]


@dataclass(slots=True)
class ImpairedCall:
    """A call that is up. `caller` speaks through `relay`, `told` is the gateway's side of it."""

    caller: Party
    relay: Relay
    told: Told
    waits: list[tuple[int, float]] = field(default_factory=list)
    """Of each tick with audio of the caller: its number, and how many ms the audio had waited since it came."""

    def note_wait(self, frame: LegFrame) -> None:
        """Of the tick before, of which everything is known."""
        waited = self.told.leg.waited_ms(frame.tick - 1)
        if waited is not None:
            self.waits.append((frame.tick - 1, waited))

    async def say(self, pcm: Pcm, *, ahead_ms: float = 100.0) -> None:
        """Send PCM as PCMU, as evenly as this process can, and all of it `ahead_ms` early, for a relay that paces."""
        loop = asyncio.get_running_loop()
        start = loop.time() - ahead_ms / 1000
        for index, payload in enumerate(payloads(pcm)):
            await asyncio.sleep(start + index * FRAME_MS / 1000 - loop.time())
            self.caller.speak(index, address=(LOOPBACK, self.relay.plan.caller_side), payload=payload)

    def heard(self) -> Pcm:
        """What the gateway heard from its first tick with audio of the caller."""
        first = next((at for at, frame in enumerate(self.told.frames) if any(frame.caller)), 0)
        return np.frombuffer(b"".join(frame.caller for frame in self.told.frames[first:]), dtype="<i2")


@asynccontextmanager
async def impaired_call(
    ours: Exchange,
    *,
    to_gateway: Impairments = UNIMPAIRED,
    to_caller: Impairments = UNIMPAIRED,
    seed: int = 1,
    hang_up: bool = True,
) -> AsyncIterator[ImpairedCall]:
    """A scripted caller's call whose media goes through a relay, while the block runs."""
    host, port = ours.address.rsplit(":", 1)
    async with party(ours.address) as caller:
        plan = RelayPlan((host, int(port)), seed, to_gateway, to_caller, caller_media=caller.rtp_port)
        async with running_relay(plan) as relay:
            known = len(ours.calls)
            offer = caller.sdp().replace(f"m=audio {caller.rtp_port} ", f"m=audio {plan.gateway_side} ")
            await caller.call(body=offer)
            told = await ours.call(known)
            await told.event("answered")
            call = ImpairedCall(caller, relay, told)
            told.on_each_frame = call.note_wait
            yield call
            if hang_up:
                await caller.bye()


def payloads(pcm: Pcm) -> Sequence[bytes]:
    """PCMU packets of 20 ms; what is left over at the end is filled with silence."""
    data = pcm.astype("<i2").tobytes()
    data += bytes(-len(data) % FRAME_BYTES)
    coded = audioop.lin2ulaw(data, 2)
    return [coded[at : at + FRAME_BYTES // 2] for at in range(0, len(coded), FRAME_BYTES // 2)]


def as_sent(pcm: Pcm) -> Pcm:
    """PCM as it is after G.711: what an unimpaired call gives."""
    return np.frombuffer(audioop.ulaw2lin(b"".join(payloads(pcm)), 2), dtype="<i2")
