"""What Parley itself adds to a turn: providers that answer at once, endpointing apart."""

from __future__ import annotations

from pathlib import Path

from bench.caller import ask, echo_reference
from bench.measured_turn import measured_turns
from bench.report import Figure, Report, Target
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers import speech

SUMMARY = "our own overhead per turn, with providers that answer at once"
METHOD = (
    "as latency, with a transcriber, a model and a voice that answer at once; the overhead of a turn is the whole on "
    "the wire (the caller's last loud packet to the agent's first loud packet) less its endpointing (the wait that the "
    "conversation chose), which the record gives; of that: buffering is from the capture of the caller's last loud "
    "packet to the end of its audio on the call clock (jitter buffer and concealment), found by laying the capture "
    "beside the product's recording; dating is from there to the end of speech as the product dates it; the rest is "
    "decision, link, play ring and the media tick; the media clocks of phone and product stand anew in every call"
)
CALLS, TURNS = 6, 5


async def measure(folder: Path) -> Report:
    """Run it; about three minutes."""
    reference = await echo_reference(folder / "echo")
    question = speech.synthetic("Can you hear me?", "slt")
    async with running_product(ProductPlan(folder / "parley", fake_assistant(reply="one two"))) as product:
        held = [await ask(product, folder / f"call-{call}", [question] * TURNS) for call in range(CALLS)]
    turns = [turn for one in held for turn in measured_turns(one)]
    figures = [
        Figure.of("overhead", [turn.overhead for turn in turns]),
        Figure.of("of that: buffering", [turn.buffering for turn in turns]),
        Figure.of("of that: dating the end of speech", [turn.dating for turn in turns]),
        Figure.of("of that: the rest", [turn.rest for turn in turns]),
        Figure.of("voice to voice, endpointing included", [turn.wire for turn in turns]),
        Figure.of("record and wire apart", [turn.apart for turn in turns]),
    ]
    notes = [f"{len(turns)} of {CALLS * TURNS} turns were measured"]
    targets = [
        Target("overhead, p50", figures[0].median, 30),
        Target("overhead, p95", figures[0].p95, 60),
    ]
    return Report("overhead", METHOD, figures, reference, notes, targets=targets)
