"""A gateway in a process of its own that has calls all the time: real, but for legs in memory and a scripted worker.

Every call is journalled, recorded and told to the control plane as any other; only nothing is heard.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gateway.link.v1 import link_pb2 as pb
from gateway.observe import logging
from gateway.settings import ApiSettings, LogSettings
from tests.call.house import House, entry, greet, house, play
from tests.call.leg_double import MemoryLeg
from tests.faults.child import end_with_parent, output_to
from tests.link.worker_double import WorkerDouble, until

TURNS = (2, 12)
"""So many turns has a call, at least and at most."""
TURN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """:param folder: the data directory
    :param link: host:port of the control plane
    :param callers: that call again as soon as their call is over
    """

    folder: Path
    link: str
    token: str
    callers: int
    seed: int
    log: Path


def run(plan: GatewayPlan) -> None:
    """Until it is killed, or told to stop: then its calls end first."""
    end_with_parent()
    output_to(plan.log)
    logging.configure(LogSettings(format="json"), process="gateway")
    asyncio.run(_serve(plan))


async def _serve(plan: GatewayPlan) -> None:
    api = ApiSettings.model_validate({"address": plan.link, "link_token": plan.token})
    source = random.Random(plan.seed)
    async with house(plan.folder, _talkative, api=api) as h, asyncio.TaskGroup() as callers:
        callers.create_task(asyncio.Event().wait())  # until it is killed, also where nobody calls
        for _ in range(plan.callers):
            callers.create_task(_call_again_and_again(h, random.Random(source.random())))


def _talkative(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
    """Greets, and has a turn in the journal for each key that the caller presses."""
    yield from greet(worker, event)
    if event.HasField("keypress"):
        yield entry(0, "caller-turn", turn=1, text=f"I have pressed {event.keypress.digit}", kept=True)
        yield entry(0, "note", event="a tool", text="x" * 500)
        yield entry(0, "agent-turn", turn=1, text="Thank you.", heard="Thank you.")


async def _call_again_and_again(h: House, source: random.Random) -> None:
    while True:
        await asyncio.sleep(source.random() * 0.1)
        leg = h.call(MemoryLeg())
        await until(partial(_taken, leg))
        for _ in range(source.randint(*TURNS)):
            if leg.ended or leg.listener is None:
                break
            await play(leg, 2)
            leg.listener.on_digit("1")
            await asyncio.sleep(source.random() * 2 * TURN_SECONDS)
        leg.end()


def _taken(leg: MemoryLeg) -> bool:
    return leg.answered or leg.ended
