"""One run: calls that go on all the time, and a plan's faults between them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

from gateway.chaos.caller import Caller, Phrase
from gateway.chaos.effects import Effects, effects_app
from gateway.chaos.events import Lost, Witness
from gateway.chaos.heard import Heard
from gateway.chaos.hurting import hurt
from gateway.chaos.office import Office, office
from gateway.chaos.outcome import Happened, Outcome
from gateway.chaos.plan import Plan
from gateway.chaos.processes import ahead_of_others
from gateway.chaos.relay import HOST
from gateway.observe.http import serving

PHRASE = "Please go on with the next ones."
SETTLED_SECONDS = 30.0
"""For the control plane to have all events after the last call."""
_LOOK_SECONDS = 0.1
_AGAIN_SECONDS = 1.0
"""Before a caller who was refused calls again."""
_BETWEEN_SECONDS = 0.3

Told = Callable[[str], None]


async def run(plan: Plan, folder: Path, *, told: Told = lambda _: None) -> Outcome:
    """Carry a plan out.

    :param folder: an empty one, for settings, data and logs
    :param told: gets a line for each fault as it happens
    :raises ParleyError: Parley does not start, or a fault is not possible here
    """
    with ahead_of_others():
        return await _carried_out(plan, folder, told)


async def _carried_out(plan: Plan, folder: Path, told: Told) -> Outcome:
    phrase = await asyncio.to_thread(recorded_phrase)
    effects = Effects()
    async with (
        serving(effects_app(effects), host=HOST, port=0, purpose="the tool of the calls") as port,
        office(plan, folder, f"http://{HOST}:{port}/effects") as place,
    ):
        witness = Witness(place.data / "calls", place.data.parent / "kept")
        looking = asyncio.create_task(_look(witness), name="witness")
        try:
            try:
                calls, happened = await _calls_and_faults(plan, place, phrase, told)
            except BaseExceptionGroup as group:
                raise _first(group) from group
            told("the calls are over; waiting for the control plane")
            events = await _settled(witness, place.database)
            moves = await asyncio.to_thread(witness.moves)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
    return Outcome(plan, happened, calls, effects.done, effects.repeated, effects.asked_again, events, moves)


def recorded_phrase() -> Phrase:
    """What callers say, in the embedded voice."""
    from gateway.providers.tts.hibari import HibariSynthesiser

    return Phrase.of(HibariSynthesiser().synthesise(PHRASE).pcm)


async def _calls_and_faults(
    plan: Plan, place: Office, phrase: Phrase, told: Told
) -> tuple[list[Heard], list[Happened]]:
    chance = random.Random(plan.seed)  # noqa: S311  the same each time is what is wanted
    waits = [chance.uniform(0, 1) for _ in range(plan.calls)]
    calls: list[Heard] = []
    async with asyncio.TaskGroup() as group:
        for wait in waits:
            group.create_task(_call_again_and_again(plan, place.sip, phrase, wait, calls))
        faults = group.create_task(_faults(plan, place, told))
    return calls, faults.result()


async def _call_again_and_again(plan: Plan, sip: str, phrase: Phrase, wait: float, calls: list[Heard]) -> None:
    """A call that began within the plan's time is held to its end."""
    until = time.monotonic() + plan.seconds
    await asyncio.sleep(wait)
    while time.monotonic() < until:
        heard = await Caller(sip, phrase, turns=plan.turns, words=plan.words).call()
        calls.append(heard)
        await asyncio.sleep(_AGAIN_SECONDS if heard.refused else _BETWEEN_SECONDS)


async def _faults(plan: Plan, place: Office, told: Told) -> list[Happened]:
    """At their times; those that overlap, side by side."""
    began = time.monotonic()

    async def one(number: int) -> Happened:
        fault = plan.faults[number]
        await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
        start_ns = time.time_ns()
        met = await hurt(place, fault)
        told(f"{fault.at:7.2f} s  {fault} ({met})")
        return Happened(fault, met, start_ns, time.time_ns())

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number)) for number in range(len(plan.faults))]
    return [task.result() for task in tasks]


async def _look(witness: Witness) -> None:
    while True:
        await asyncio.to_thread(witness.look)
        await asyncio.sleep(_LOOK_SECONDS)


async def _settled(witness: Witness, database: Path) -> Lost:
    """What is missing when nothing more comes in time."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while True:
        lost = await asyncio.to_thread(witness.compare, database)
        if not (lost.lost or lost.ends_wrong) or time.monotonic() > deadline:
            return lost
        await asyncio.sleep(_BETWEEN_SECONDS)


def _first(error: BaseException) -> BaseException:
    """What ended a group of tasks."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
