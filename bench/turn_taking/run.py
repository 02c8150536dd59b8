"""Turn-taking over SIP and RTP: one run, a table, a picture and the targets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.caller import echo_reference
from bench.measured_turn import MeasuredTurn
from bench.overlaps.cases import cases
from bench.report import Figure, Rate, Report, Target
from bench.turn_taking import overlaps, picture, turn_ends
from bench.turn_taking.agent import Direction, directed_assistant
from bench.turn_taking.overlaps import SeenOverlap
from bench.turn_taking.turn_ends import SeenTurn
from gateway.call.latency import ALL_PARTS
from tests.interop.product import ProductPlan, running_product

SUMMARY = "turn ends, interruptions and other sounds over SIP: latency, reaction, cut-offs; about 12 minutes"
METHOD = (
    "pjsua2 softphone over SIP and RTP (PCMU) on loopback, tcpdump, one call at a time; material: a seeded part of the "
    "held-out speakers of the sets of bench/turn_ends and bench/overlaps, on clean lines and in noise at 10 dB (--all "
    "takes everything); embedded transcriber and voice, a model that answers at once with what the set says; a packet "
    "is loud from -48 dBFS on. An answer is from the packet with the true last sample of the turn to the agent's first "
    "loud packet. A pause inside a turn is a false cut-off when the agent began to speak into it, or into the speech "
    "after it. A reaction is from the packet with the first audible sound to the agent's last loud packet. A sound is "
    "resumed at the agent's first loud packet after the pause, when the reply went on; whether it was cut is told by "
    "the record of the reply. Echo: the phone sends back what it hears, 20 dB weaker. Words heard: those that the "
    "record counts, beside those that Whisper finds in the captured audio up to its stop"
)


async def measure(folder: Path, *, everything: bool = False) -> Report:
    """Run it; about twelve minutes, three hours with `everything`."""
    reference = await echo_reference(folder / "echo")
    turns, seen = await _hold_calls(folder, everything=everything)
    answered = [turn.measured for turn in turns if turn.measured is not None]
    file = await asyncio.to_thread(picture.draw, folder / "turn_taking.png", turns, seen, answered)
    figures = [*_turn_figures(turns, answered), *_overlap_figures(seen)]
    notes = [*_unanswered(turns), *(f"not right: {one.name}, {_fate(one)}" for one in seen if not one.right)]
    notes += [f"first word lost: {one.name}" for one in seen if one.first_word_lost]
    return Report(
        "turn_taking", METHOD, figures, reference, [*notes, f"picture: {file.name}"], targets=_targets(figures)
    )


async def _hold_calls(folder: Path, *, everything: bool) -> tuple[list[SeenTurn], list[SeenOverlap]]:
    direction = Direction(folder / "says.json")
    direction.say("Go on.")
    spoken = await asyncio.to_thread(turn_ends.material, everything=everything)
    sounds = overlaps.material(await asyncio.to_thread(cases), everything=everything)
    plan = ProductPlan(folder / "parley", directed_assistant(direction, first_message="Hello."))
    turns, seen = [], []
    async with running_product(plan) as product:
        for number, call in enumerate(spoken):
            turns += await turn_ends.hold(product, folder / f"turns-{number}", call, direction)
        for first in range(0, len(sounds), overlaps.CASES_IN_A_CALL):
            chosen = sounds[first : first + overlaps.CASES_IN_A_CALL]
            seen += await overlaps.hold(product, folder / f"overlaps-{first}", chosen, direction)
    return turns, seen


# ---------------------------------------------------------------- figures


def _turn_figures(turns: Sequence[SeenTurn], answered: Sequence[MeasuredTurn]) -> list[Figure | Rate]:
    pauses = [pause for turn in turns for pause in turn.pauses]
    return [
        Figure.of("turn end to answer", [turn.answer_ms for turn in turns if turn.answer_ms is not None]),
        *(Figure.of(f"record: {part}", [turn.recorded[part] for turn in answered]) for part in ALL_PARTS),
        Figure.of("wire: buffering", [turn.buffering for turn in answered]),
        Figure.of("wire: dating the end of speech", [turn.dating for turn in answered]),
        Figure.of("record and wire apart", [turn.apart for turn in answered]),
        Rate.of("turns answered", sum(turn.answered for turn in turns), len(turns)),
        Rate.of("false cut-offs of pauses", sum(pause.cut_off for pause in pauses), len(pauses)),
    ]


def _overlap_figures(seen: Sequence[SeenOverlap]) -> list[Figure | Rate]:
    wanted = [one for one in seen if one.kind.cuts]
    others = [one for one in seen if not one.kind.cuts]
    kinds = sorted({one.kind for one in seen})
    heard = [abs(one.heard - one.audible) for one in seen if one.heard is not None and one.audible is not None]
    understood = [one for one in wanted if one.cut and one.first_word_lost is not None]
    stops = [one.stopped_ms for one in wanted if one.stopped_ms is not None]
    resumes = [one.resumed_ms for one in others if one.resumed_ms is not None and one.kind.value != "echo"]
    figures: list[Figure | Rate] = [Figure.of("onset to last agent packet", stops)]
    figures += [Figure.of("onset to resumed speech", resumes)] if resumes else []
    figures += [Rate.of(f"right: {kind}", *_right([one for one in seen if one.kind is kind])) for kind in kinds]
    figures += [Rate.of("interruptions caught", *_right(wanted)), Rate.of("other sounds survived", *_right(others))]
    if understood:
        figures += [Rate.of("first words lost", sum(bool(one.first_word_lost) for one in understood), len(understood))]
    if heard:
        figures += [Figure.of("words heard, record and audio apart", heard, unit="word")]
    return figures


def _right(seen: Sequence[SeenOverlap]) -> tuple[int, int]:
    return sum(one.right for one in seen), len(seen)


def _unanswered(turns: Sequence[SeenTurn]) -> list[str]:
    return [f"not answered: {turn.kind} ({turn.noise}): {turn.words}" for turn in turns if not turn.answered]


def _fate(seen: SeenOverlap) -> str:
    return f"{'cut' if seen.cut else 'not cut'}{f' as {seen.reason}' if seen.reason else ', never paused'}"


# ---------------------------------------------------------------- targets


def _targets(figures: Sequence[Figure | Rate]) -> list[Target]:
    found = {figure.name: figure for figure in figures}
    limits = (
        ("turn end to answer", "median", Target("voice to voice, p50", 0, 700)),
        ("turn end to answer", "p95", Target("voice to voice, p95", 0, 1100)),
        ("onset to last agent packet", "p95", Target("onset to last agent packet, p95", 0, 200)),
        ("onset to resumed speech", "p95", Target("onset to resumed speech, p95", 0, 800)),
        ("false cut-offs of pauses", "percent", Target("false cut-offs", 0, 10, "%")),
        ("turns answered", "percent", Target("turns answered before the next", 0, 100, "%", at_least=True)),
        ("interruptions caught", "percent", Target("interruptions caught", 0, 98, "%", at_least=True)),
        ("other sounds survived", "percent", Target("other sounds survived", 0, 90, "%", at_least=True)),
        ("first words lost", "percent", Target("first words lost", 0, 0, "%")),
    )
    return [replace(target, value=getattr(found[name], field)) for name, field, target in limits if name in found]
