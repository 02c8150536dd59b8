"""Voices and transcribers that fail, on the wire: another goes on, no word is lost; without another the caller is told.

Models are in test_model_failover.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.conversation import Conversation
from tests.interop.failover import (
    CHAINS,
    SHORT_REPLY,
    Answered,
    Turn,
    answers,
    digits_recorded,
    digits_understood,
    hold,
    number_read_out,
    providers,
    question,
)
from tests.providers.emulators.fault import Fault, Kind

GAP_MS = 800
"""Twice what the product aims at: the machine does other things too."""
SORRY_SECONDS = 8
NUMBER = "48217309"
CUT = {"streaming-voice": Fault(Kind.CUT, after=20), "http-voice": Fault(Kind.CUT, after=12)}
BROKEN = {**CUT, "silent-voice": Fault(Kind.HANG_MID_STREAM, after=12)}
REASONS = {
    "streaming-voice": "pipeline-error-eleven-labs-voice-failed",
    "transcriber": "pipeline-error-deepgram-transcriber-failed",
    "model": "call.in-progress.error-pipeline-no-available-llm-model",
}

pytestmark = [pytest.mark.alone, pytest.mark.models, pytest.mark.timeout(180)]


@dataclass(frozen=True, slots=True)
class Held:
    """By number that was called: calls in which one provider failed, and calls in which all of a kind did."""

    helped: Mapping[str, Conversation]
    lost: Mapping[str, Conversation]
    left_open: Mapping[str, int]
    failed: set[str]
    """Voices that failed while another could help."""
    digits: str
    """Those that the caller read out, as they came."""


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    return asyncio.run(_hold(tmp_path_factory.mktemp("failover")))


async def _hold(folder: Path) -> Held:
    asked, number_file = question(folder / "says"), number_read_out(folder / "says", NUMBER)
    async with providers() as served:
        async with served.product(folder / "parley") as product:

            async def call(number: str, turn: Turn) -> Conversation:
                kind = "lost" if turn.ends else "helped"
                return await hold(product, served, folder / f"{kind}-{number}", number, [turn])

            helping = {number: Turn(asked, {CHAINS[number][0]: fault}) for number, fault in BROKEN.items()}
            helping["transcriber"] = Turn(number_file, {"deepgram": Fault(Kind.SERVER_ERROR)}, after_seconds=3.0)
            losing = {
                number: Turn(asked, {name: Fault(Kind.SERVER_ERROR) for name in CHAINS[number]}, ends=True)
                for number in REASONS
            }
            helped = await asyncio.gather(*(call(number, turn) for number, turn in helping.items()))
            failed = {line["voice"] for line in product.log_lines() if line["message"] == "voice failed"}
            lost = await asyncio.gather(*(call(number, turn) for number, turn in losing.items()))
            digits = digits_recorded(product, helped[-1])
        left = {name: emulator.open for name, emulator in served.served.items() if emulator.open}
    return Held(dict(zip(helping, helped, strict=True)), dict(zip(losing, lost, strict=True)), left, failed, digits)


def only_answer(conversation: Conversation) -> Answered:
    (answered,) = answers(conversation.call)
    return answered


@pytest.mark.parametrize("number", list(BROKEN))
def test_another_voice_goes_on_where_the_first_one_broke_off(held: Held, number: str) -> None:
    answered = only_answer(held.helped[number])
    assert CHAINS[number][0] in held.failed
    print(f"{number}: gap {answered.gap_ms:.0f} ms, {answered.lost} lost, {answered.doubled} twice")
    assert (answered.lost, answered.doubled) == (0, 0)
    assert answered.gap_ms <= GAP_MS


def test_no_word_of_the_caller_is_lost_with_the_transcriber(held: Held) -> None:
    conversation = held.helped["transcriber"]
    print(f"transcriber: answered after {only_answer(conversation).delay_ms:.0f} ms")
    assert len(held.digits) >= len(NUMBER) - 2
    assert digits_understood(conversation) == held.digits
    assert [word.text for word in only_answer(conversation).words] == SHORT_REPLY.split()


@pytest.mark.parametrize("number", list(REASONS))
def test_without_any_the_caller_hears_an_apology_and_the_record_says_why(held: Held, number: str) -> None:
    conversation = held.lost[number]
    print(f"{number}: apology after {only_answer(conversation).sorry_ms:.0f} ms")
    assert conversation.record["end_reason"] == REASONS[number]
    assert only_answer(conversation).sorry_ms <= 1000 * SORRY_SECONDS


def test_no_connection_is_left_at_a_provider(held: Held) -> None:
    assert held.left_open == {}
