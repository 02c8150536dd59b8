"""What Parley itself adds to a turn: providers that answer at once, endpointing apart."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

from bench.caller import HeldCall, ask, echo_reference
from bench.latency import turns
from bench.report import Figure, Report
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers import speech
from tests.peers.talk import TurnLatency

SUMMARY = "our own overhead per turn, with providers that answer at once"
METHOD = (
    "as latency, with a transcriber, a model and a voice that answer at once; the overhead of a turn is its latency on "
    "the wire less its endpointing (the wait that the conversation chose), which the record gives; of that, hearing is "
    "from the caller's last loud packet to the end of speech by the product's detector, jitter buffer included"
)
CALLS, TURNS = 2, 10


async def measure(folder: Path) -> Report:
    """Run it; about two minutes."""
    reference = await echo_reference(folder / "echo")
    question = speech.synthetic("Can you hear me?", "slt")
    async with running_product(ProductPlan(folder / "parley", fake_assistant(reply="one two"))) as product:
        held = [await ask(product, folder / f"call-{call}", [question] * TURNS) for call in range(CALLS)]
    pairs = list(chain.from_iterable(_paired(one) for one in held))
    figures = [
        Figure.of("overhead", [turn.ms - recorded["endpointing"] for turn, recorded in pairs]),
        Figure.of("of that: hearing", [turn.ms - recorded["total"] for turn, recorded in pairs]),
        Figure.of("of that: the rest", [recorded["total"] - recorded["endpointing"] for _, recorded in pairs]),
        Figure.of("voice to voice, endpointing included", [turn.ms for turn, _ in pairs]),
    ]
    return Report("overhead", METHOD, figures, reference)


def _paired(held: HeldCall) -> list[tuple[TurnLatency, dict[str, Any]]]:
    """The k-th answered turn on the wire is the k-th of the record."""
    return list(zip(turns(held), held.record["latency"], strict=True))
