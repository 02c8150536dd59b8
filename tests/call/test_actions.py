"""What tools ask of the call, over the workers that a call has one after the other: done once, told once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from gateway.call.actions import Actions
from gateway.call.leg import Leg
from gateway.link.v1 import link_pb2 as pb
from gateway.tools.port import Done
from gateway.worker.call_actions import CallActions
from gateway.worker.transfer_briefing import Briefing

TOOLS = ("a", "b", "c")


class SlowLeg:
    """Presses keys when it is allowed to."""

    def __init__(self) -> None:
        self.pressed: list[str] = []
        self.free = asyncio.Event()

    async def send_digits(self, digits: str, *, info: bool) -> None:
        self.pressed.append(digits)
        await self.free.wait()


class Disk:
    async def durable(self) -> None:
        """At once."""


def _nothing(*given: object) -> Any:
    raise AssertionError(given)


@dataclass(slots=True)
class Worker:
    """Its tools that run, and what they were told."""

    actions: CallActions
    running: dict[str, asyncio.Task[Done]] = field(default_factory=dict)


class House:
    """A call at the gateway, the worker that has it, and the tool calls that have no result in its journal yet."""

    def __init__(self) -> None:
        self.leg = SlowLeg()
        self.told: Counter[str] = Counter()
        self.asked: set[str] = set()
        self._gateway = Actions(
            cast("Leg", self.leg),
            Disk(),
            played_out=_nothing,
            end=_nothing,
            reply=self._reply,
            tell=_nothing,
            verb=_nothing,
            hand_over=_nothing,
            record=_nothing,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._worker = self._next_worker(0)

    def ask(self, tool: str) -> None:
        """A tool of the worker presses its keys."""
        if tool not in self.asked:
            self.asked.add(tool)
            self._run(tool)

    async def lose_worker(self, number: int, *, finished: bool) -> None:
        """The next one makes the calls again that have no result.

        :param finished: the keys are pressed before it does
        """
        lost, self._worker = self._worker, self._next_worker(number)
        for task in lost.running.values():
            task.cancel()
        await _settle()
        if finished:
            await self.finish()
        for tool in sorted(self.asked - set(self.told)):
            self._run(tool)

    async def finish(self) -> None:
        self.leg.free.set()
        await _settle()
        self.leg.free.clear()

    async def close(self) -> None:
        self.leg.free.set()
        await _settle()

    def _run(self, tool: str) -> None:
        self._worker.running[tool] = asyncio.create_task(self._press(self._worker, tool))

    async def _press(self, worker: Worker, tool: str) -> Done:
        action = pb.Action(send_digits=pb.SendDigits(digits=tool))
        done = await worker.actions.perform(action, tool=tool)
        if worker is self._worker:
            self.told[tool] += 1
        return done

    def _next_worker(self, number: int) -> Worker:
        worker: Worker

        def send(event: pb.WorkerEvent) -> None:
            if worker is self._worker and self._gateway.admit(event.action):
                task = asyncio.create_task(self._gateway.perform(event.action))
                self._tasks.add(task)

        worker = Worker(CallActions(send, f"tool-{number}", cast("Briefing", None)))
        return worker

    def _reply(self, result: pb.ActionResult) -> None:
        self._worker.actions.answered(result)


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


STEPS = st.lists(
    st.sampled_from([*(("ask", tool) for tool in TOOLS), ("lose", ""), ("lose late", ""), ("finish", "")]), max_size=14
)


@given(STEPS)
def test_keys_are_pressed_once_and_their_result_is_told_once_whatever_workers_are_lost(
    steps: list[tuple[str, str]],
) -> None:
    async def walk() -> tuple[list[str], Mapping[str, int], set[str]]:
        house = House()
        for number, (step, tool) in enumerate(steps, 1):
            match step:
                case "ask":
                    house.ask(tool)
                    await _settle()
                case "lose" | "lose late":
                    await house.lose_worker(number, finished=step == "lose late")
                    await _settle()
                case "finish":
                    await house.finish()
        await house.close()
        return house.leg.pressed, house.told, house.asked

    pressed, told, asked = asyncio.run(walk())
    assert sorted(pressed) == sorted(asked)
    assert told == dict.fromkeys(asked, 1)
