"""A transfer assistant in the product itself: calls over SIP, workers in processes of their own, one of them killed."""

from __future__ import annotations

import asyncio
import audioop
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.call.test_with_worker import ASSISTANT, speech
from tests.call.transfer.test_on_the_wire import hears, rtp_port
from tests.call.transfer.test_transfer_assistant import agent
from tests.interop.product import Product, ProductPlan, running_product
from tests.peers.ports import LOOPBACK
from tests.sip.party import Party, Received, party

pytestmark = [
    pytest.mark.long,
    pytest.mark.models,
    pytest.mark.timeout(120),
    pytest.mark.scenario("INV-16", peer="scripted party", transport="udp"),
]
SILENCE = b"\xff" * 160


@dataclass
class Mouth:
    """What a party says, packet by packet: silence, unless it is given something."""

    party: Party
    port: int
    queued: list[bytes] = field(default_factory=list)

    def say(self, pcm: bytes) -> None:
        ulaw = audioop.lin2ulaw(pcm, 2)
        self.queued += [ulaw[at : at + 160].ljust(160, b"\xff") for at in range(0, len(ulaw), 160)]

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for index in range(10_000):
            payload = self.queued.pop(0) if self.queued else SILENCE
            self.party.speak(index, address=(LOOPBACK, self.port), payload=payload)
            await asyncio.sleep(max(0.0, begun + 0.02 * (index + 1) - loop.time()))


@dataclass
class Scene:
    """The caller waits, and the transfer assistant talks with Bob."""

    product: Product
    ann: Party
    bob: Party
    answer: Received
    invite: Received
    mouths: list[asyncio.Task[None]]
    bobs: Mouth
    said: bytes

    async def until(self, kind: str, count: int, **data: str) -> list[dict[str, Any]]:
        """Entries of the call's journal, once there are so many."""
        async with asyncio.timeout(30):
            while len(found := self._entries(kind, data)) < count:  # noqa: ASYNC110  another process writes them
                await asyncio.sleep(0.05)
        return found

    def _entries(self, kind: str, data: dict[str, str]) -> list[dict[str, Any]]:
        lines = [
            line for path in self.product.plan.data.glob("calls/*.journal") for line in path.read_text().splitlines()
        ]
        entries = [json.loads(line) for line in lines if line.endswith("}")]
        return [one for one in entries if one["kind"] == kind and data.items() <= one["data"].items()]

    async def silence(self) -> None:
        for mouth in self.mouths:
            mouth.cancel()
        await asyncio.gather(*self.mouths, return_exceptions=True)


@asynccontextmanager
async def talking(folder: Path, decides: str, heard: str) -> AsyncIterator[Scene]:
    said = await speech("Could you tell me the time please?")
    plan = ProductPlan(folder / "parley", {}, changes={"worker": {"count": 2}, "outbound": {"direct": [LOOPBACK]}})
    async with party(plan.address) as ann, party(plan.address) as bob:
        assistant = {**ASSISTANT, **agent(decides, heard)}
        (destination,) = assistant["model"]["tools"][0]["destinations"]
        destination["sipUri"] = f"sip:bob@{LOOPBACK}:{bob.port}"
        plan = ProductPlan(
            folder / "parley", assistant, changes=plan.changes, sip_port=plan.sip_port, rtp_ports=plan.rtp_ports
        )
        async with running_product(plan) as product:
            answer = await ann.call()
            anns = Mouth(ann, rtp_port(answer))
            mouths = [asyncio.create_task(anns.run())]
            await asyncio.sleep(2)
            anns.say(said)
            invite = await bob.incoming("INVITE")
            bob.respond(invite, "200 OK", body=bob.sdp())
            await bob.incoming("ACK")
            bobs = Mouth(bob, rtp_port(invite))
            mouths.append(asyncio.create_task(bobs.run()))
            scene = Scene(product, ann, bob, answer, invite, mouths, bobs, said)
            try:
                yield scene
            finally:
                await scene.silence()


async def test_bob_agrees_by_voice_and_hears_the_caller(tmp_path: Path) -> None:
    async with talking(tmp_path, "transferSuccessful", "transferSuccessful put them through") as scene:
        await scene.until("transfer-talk", 1)
        scene.bobs.say(scene.said)
        await scene.until("transfer", 1, status="connected")
        await scene.silence()
        assert await hears(scene.ann, rtp_port(scene.answer), scene.bob)
        assert await hears(scene.bob, rtp_port(scene.invite), scene.ann)
        await scene.ann.bye()


async def test_bob_declines_by_voice_and_the_caller_is_with_the_agent(tmp_path: Path) -> None:
    async with talking(tmp_path, "transferCancel", "transferCancel no time") as scene:
        await scene.until("transfer-talk", 1)
        scene.bobs.say(scene.said)
        await scene.bob.incoming("BYE")
        await scene.until("agent-turn", 2)
        await scene.ann.bye()


async def test_a_worker_that_dies_while_its_assistant_speaks_loses_nobody(tmp_path: Path) -> None:
    async with talking(tmp_path, "transferCancel", "nothing") as scene:
        (entry,) = await scene.until("worker", 1)
        pids = {
            line["child"]: int(line["pid"]) for line in scene.product.log_lines() if line["message"] == "process ready"
        }
        (other,) = (pid for name, pid in pids.items() if name.startswith("worker-") and name != entry["data"]["worker"])
        await asyncio.sleep(0.3)
        os.kill(other, signal.SIGKILL)
        (told,) = await scene.until("transfer", 1, status="failed")
        assert "was lost" in told["data"]["detail"]
        await scene.bob.incoming("BYE")
        await scene.until("agent-turn", 2)
        await scene.ann.bye()
