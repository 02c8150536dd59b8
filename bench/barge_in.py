"""How soon the agent is silent after the caller has begun to speak."""

from __future__ import annotations

from pathlib import Path

from bench.caller import HeldCall, echo_reference, interrupt
from bench.report import Figure, Report, Target
from tests.interop.product import ProductPlan, running_product, shipped_assistant
from tests.peers import speech
from tests.peers.talk import barge_ins

SUMMARY = "24 interruptions: caller's onset to the last agent speech packet"
METHOD = (
    "pjsua2 softphone over SIP and RTP on loopback, tcpdump; first loud packet of the caller while the agent speaks to "
    "the last loud packet of the agent before at least 500 ms of silence; each question interrupts the greeting or the "
    "answer to the question before"
)
CALLS = 3
QUESTIONS = (
    "What can you do?",
    "What are your opening hours?",
    "Are you open on the weekend?",
    "Who are you?",
    "When do you close?",
    "How can you help me?",
    "Where is your shop?",
    "What is your address?",
)


async def measure(folder: Path) -> Report:
    """Run it; about three minutes."""
    reference = await echo_reference(folder / "echo")
    held = []
    async with running_product(ProductPlan(folder / "parley", shipped_assistant())) as product:
        for call in range(CALLS):
            questions = [speech.synthetic(text, speech.FLITE_VOICES[call]) for text in QUESTIONS]
            held.append(await interrupt(product, folder / f"call-{call}", questions))
    stops = [stop.ms for one in held for stop in barge_ins(one.call.caller_spurts, one.call.agent_spurts)]
    spoken = len(QUESTIONS) * CALLS
    notes = [f"{spoken - len(stops)} of {spoken} questions began in a pause of the agent, who then said no more"]
    pauses = _pauses(held)
    figures = [Figure.of("onset to last agent speech", stops)]
    figures += [Figure.of("own account: onset to pause", pauses)] if pauses else []
    targets = [Target("onset to last agent speech, p95", figures[0].p95, 200)]
    return Report("barge_in", METHOD, figures, reference, notes, targets=targets)


def _pauses(held: list[HeldCall]) -> list[float]:
    return [pause["at_ms"] - pause["onset_ms"] for one in held for pause in one.record["pauses"]]
