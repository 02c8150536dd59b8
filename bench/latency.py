"""Voice-to-voice latency of the embedded default, measured on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.caller import ask, echo_reference
from bench.measured_turn import measured_turns
from bench.report import Figure, Report, Target
from gateway.call.latency import ALL_PARTS
from tests.interop.product import ProductPlan, running_product, shipped_assistant
from tests.interop.tool_server import ToolServer
from tests.peers import speech

SUMMARY = "voice-to-voice latency of 30 turns, embedded models, from captured RTP"
METHOD = (
    "pjsua2 softphone over SIP and RTP on loopback, tcpdump; last loud packet of the caller to first loud packet of "
    "the agent (20 ms frames, energy with hysteresis); questions by flite and espeak-ng voices, order numbers and "
    "single words by a human; the parts are the product's own, of the same calls; record and wire are compared turn by "
    "turn: apart are the wholes, of that is the way of the caller's last packet into the call clock"
)
CALLS = 5


def questions(call: int) -> list[speech.Samples]:
    """Six turns; the voice changes from call to call, and the order number too."""
    voices = (*speech.FLITE_VOICES, *speech.ESPEAK_VOICES)
    voice = voices[call % len(voices)]
    return [
        speech.synthetic("What are your opening hours?", voice),
        speech.synthetic("What is your address?", voice),
        speech.human("hours"),
        speech.synthetic("Where is my order?", voice),
        speech.human_digits(("4821", "1234", "7309", "5550", "9036")[call % 5]),
        speech.synthetic("Are you open on the weekend?", voice),
    ]


async def measure(folder: Path) -> Report:
    """Run it; about four minutes."""
    reference = await echo_reference(folder / "echo")
    with ToolServer(lambda _name, arguments: f"Order {arguments['order_number']} leaves on Friday.").serving() as tools:
        plan = ProductPlan(folder / "parley", shipped_assistant(tools.url))
        async with running_product(plan) as product:
            held = [await ask(product, folder / f"call-{call}", questions(call)) for call in range(CALLS)]
    turns = [turn for one in held for turn in measured_turns(one)]
    asked = sum(len(questions(call)) for call in range(CALLS))
    notes = [f"{asked - len(turns)} of {asked} turns were not answered before the caller spoke again"]
    figures = [
        Figure.of("voice to voice", [turn.wire for turn in turns]),
        *parts([one.record for one in held]),
        Figure.of("record and wire apart", [turn.apart for turn in turns]),
        Figure.of("of that: buffering", [turn.buffering for turn in turns]),
    ]
    targets = [
        Target("embedded voice to voice, p50", figures[0].median, 700),
        Target("embedded voice to voice, p95", figures[0].p95, 1100),
    ]
    return Report("latency", METHOD, figures, reference, notes, targets=targets)


def parts(records: Sequence[dict[str, Any]], *, name: str = "own account") -> list[Figure]:
    """The product's own account of its turns: each part, and the whole."""
    turns = [turn for record in records for turn in record["latency"]]
    complete = [turn for turn in turns if turn["total"] is not None]
    return [
        Figure.of(f"{name}: {part}", [turn[part] for turn in complete]) for part in (*ALL_PARTS, "total") if complete
    ]
