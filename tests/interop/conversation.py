"""Calls over a real softphone, whole conversations among them, and everything that was seen of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.interop.continuity import from_ports, longest, to_ports
from tests.interop.product import Product
from tests.peers import speech
from tests.peers.capture import capture
from tests.peers.pcap import Datagram
from tests.peers.rtp import RtpStream, decode
from tests.peers.softphone import Softphone, SoftphonePlan, running_softphone
from tests.peers.talk import Talkspurt, talkspurts

OPENING_HOURS = "What are your opening hours?"
WHERE_IS_MY_ORDER = "Where is my order?"
Script = Callable[[Softphone, dict[str, Path]], Awaitable[None]]
"""What a caller does once the call is answered, given the files that it can play."""


@dataclass(slots=True)
class CapturedCall:
    """A call of a softphone. The streams can be read once the call is over."""

    phone: Softphone
    datagrams: list[Datagram] = field(default_factory=list)

    @property
    def plan(self) -> SoftphonePlan:
        return self.phone.plan

    @property
    def caller(self) -> RtpStream:
        return longest(from_ports(self.datagrams, self.plan.rtp_ports))

    @property
    def agent(self) -> RtpStream:
        return longest(to_ports(self.datagrams, self.plan.rtp_ports))

    @property
    def caller_spurts(self) -> list[Talkspurt]:
        return talkspurts(decode(self.caller))

    @property
    def agent_spurts(self) -> list[Talkspurt]:
        return talkspurts(decode(self.agent))

    @property
    def over(self) -> bool:
        return any(event["event"] == "ended" for event in self.phone.events)


@asynccontextmanager
async def in_call(plan: SoftphonePlan, target: str) -> AsyncIterator[CapturedCall]:
    """A call to `target` that is answered; hung up at the end of the block when it is still up then.

    :raises PeerFailed: when it is not answered
    """
    async with running_softphone(plan) as phone:
        call = CapturedCall(phone)
        async with capture(plan.folder, ports=plan.rtp_ports) as captured:
            phone.dial(target)
            await phone.wait_for("answered")
            yield call
            if not call.over:
                phone.hang_up()
                await phone.wait_for("ended")
        call.datagrams = captured.datagrams()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A call that followed a script, and the product's record of it."""

    call: CapturedCall
    record: dict[str, Any]


async def hold_conversation(
    product: Product, plan: SoftphonePlan, target: str, script: Script, *, order: str
) -> Conversation:
    """Dial `target`, a number that nobody else calls meanwhile, and follow `script`."""
    files = await asyncio.to_thread(utterances, plan.folder / "says", order=order)
    number = target.removeprefix("sip:").partition("@")[0]
    before = len(product.records(number))
    async with in_call(plan, target) as call:
        await script(call.phone, files)
    return Conversation(call, (await product.wait_for_records(before + 1, number=number))[-1])


def utterances(folder: Path, *, order: str) -> dict[str, Path]:
    """The caller's side: a voice that is not ours asks, a human reads the digits and says goodbye."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        "hours": speech.synthetic(OPENING_HOURS, "slt"),
        "order": speech.synthetic(WHERE_IS_MY_ORDER, "rms"),
        "digits": speech.human_digits(order),
        "goodbye": speech.human("vm-goodbye"),
    }
    return {name: speech.write_wav(folder / f"{name}.wav", samples) for name, samples in said.items()}


async def wait_for_the_end(phone: Softphone, files: dict[str, Path]) -> None:
    """Opening hours once the greeting is over, order by its number, goodbye; the other side hangs up."""
    await phone.far_end_spoke()
    await phone.say(files["hours"])
    await _order_and_goodbye(phone, files)


async def interrupt(phone: Softphone, files: dict[str, Path]) -> None:
    """As `wait_for_the_end`, but the greeting is interrupted by the question for the opening hours."""
    await phone.wait_for("far-speech")
    await asyncio.sleep(1.0)
    await phone.say(files["hours"])
    await phone.wait_for("far-speech")
    await _order_and_goodbye(phone, files)


async def _order_and_goodbye(phone: Softphone, files: dict[str, Path]) -> None:
    for name in ("order", "digits", "goodbye"):
        await phone.far_end_spoke()
        await phone.say(files[name])
    await phone.wait_for("ended", seconds=20)
