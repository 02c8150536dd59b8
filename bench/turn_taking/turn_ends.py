"""Ends of turns and pauses inside them, by SIP: calls of the labelled set, played whole, judged by the packets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.caller import held_call
from bench.measured_turn import MeasuredTurn, measured_turn
from bench.turn_ends.calls import LEAD_MS, Call, SpokenTurn, calls
from bench.turn_taking.agent import Direction
from bench.turn_taking.line import Line
from tests.interop.conversation import in_call
from tests.interop.product import Product
from tests.peers.softphone import SoftphonePlan
from tests.peers.speech import write_wav

SUBSET, SEED = 5, 1
"""Calls of the held-out half, of eight turns each."""
_TURNS = 8
_ASK_MS = 1500
"""Before a turn begins, what the agent asks is what that turn answers."""


@dataclass(slots=True)
class SeenPause:
    """A pause inside a turn, ms, and whether the agent spoke into it or into what came after it."""

    ms: int
    cut_off: bool


@dataclass(slots=True)
class SeenTurn:
    """A turn of the set on the wire. `answer_ms` is from the caller's last packet to the agent's first, None when the
    agent was speaking already, or never answered."""

    kind: str
    noise: str
    words: str
    answer_ms: float | None
    answered: bool
    pauses: list[SeenPause] = field(default_factory=list)
    measured: MeasuredTurn | None = None


def material(*, everything: bool) -> list[Call]:
    """The calls to be held: all, or some of the held-out half, on clean lines and in noise."""
    every = list(calls())
    if everything:
        return every
    held_out = [call for call in every if call.half == "held out" and len(call.turns) == _TURNS]
    random.Random(SEED).shuffle(held_out)
    clean = [call for call in held_out if call.noise == "line"]
    noisy = [call for call in held_out if call.noise != "line"]
    return [call for pair in zip(clean, noisy, strict=False) for call in pair][:SUBSET]


async def hold(product: Product, folder: Path, call: Call, direction: Direction) -> list[SeenTurn]:
    """Hold one call of the set: its caller's whole side is played, the agent asks what the set says."""
    pcm = np.frombuffer(call.pcm, np.int16)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    file = write_wav(folder / "says.wav", pcm)
    before = len(product.records())
    async with in_call(SoftphonePlan(folder), f"sip:demo@{product.address}") as captured:
        playing = asyncio.create_task(captured.phone.say(file, seconds=len(pcm) / 8000 + 20))
        await _direct(direction, call.turns)
        await playing
    held = await held_call(product, captured, before)
    (asked,) = (event for event in captured.phone.events if event["event"] == "playing")
    return await asyncio.to_thread(judge, Line.of(held), call, asked["at_ns"])


async def _direct(direction: Direction, turns: Sequence[SpokenTurn]) -> None:
    """Before each turn that is not the first the agent asks for it, by its answer to the turn before."""
    began = asyncio.get_running_loop().time()
    for turn, following in zip(turns, [*turns[1:], None], strict=True):
        await asyncio.sleep(max(0.0, began + (turn.start_ms - _ASK_MS) / 1000 - asyncio.get_running_loop().time()))
        expects, text = following.utterance.expects if following else ("anything", "Goodbye.")
        direction.say(text, expects=expects)


def judge(line: Line, call: Call, asked_ns: int) -> list[SeenTurn]:
    """What became of each turn of a call whose audio was asked for at `asked_ns`."""
    pcm = np.frombuffer(call.pcm, np.int16)
    first = LEAD_MS * 8
    spoken = pcm[first : first + 8 * 8000]
    offset = line.place(spoken, asked_ns + LEAD_MS * 1_000_000) - first
    recorded = [turn for turn in line.record["latency"] if turn["total"] is not None]
    ends = [*(turn.start_ms for turn in call.turns[1:]), len(pcm) / 8]
    return [
        _seen(line, call, turn, offset, until_ms, recorded) for turn, until_ms in zip(call.turns, ends, strict=True)
    ]


def _seen(
    line: Line, call: Call, turn: SpokenTurn, offset: int, until_ms: float, recorded: Sequence[dict[str, Any]]
) -> SeenTurn:
    def at_ns(ms: float) -> int:
        return line.sent_ns(offset + ms * 8)

    end_ns = at_ns(turn.end_ms - 1)
    starts = [spurt.start_ns for spurt in line.agent_spurts]
    talking = any(spurt.start_ns <= end_ns <= spurt.end_ns for spurt in line.agent_spurts)
    answers = [start for start in starts if end_ns < start < at_ns(until_ms)]
    answer_ms = (answers[0] - end_ns) / 1e6 if answers and not talking else None
    measured = None
    if answer_ms is not None:
        measured = measured_turn(end_ns, answers[0], recorded, line.alignment, line.caller)
    seen = SeenTurn(
        turn.utterance.kind, call.noise, turn.utterance.words, answer_ms, talking or bool(answers), measured=measured
    )
    borders = [*(pause.start_ms for pause in turn.pauses[1:]), turn.end_ms]
    for pause, border_ms in zip(turn.pauses, borders, strict=False):
        spoke = any(at_ns(pause.start_ms) < start < at_ns(border_ms) for start in starts)
        seen.pauses.append(SeenPause(pause.end_ms - pause.start_ms, spoke))
    return seen
