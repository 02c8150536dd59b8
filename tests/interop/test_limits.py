"""Keys, a slow answer, a caller who says nothing, and one who speaks over a passage: on the wire."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.interop.continuity import assert_continuous
from tests.interop.conversation import CapturedCall, in_call
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers import speech
from tests.peers.rtp import decode
from tests.peers.softphone import SoftphonePlan
from tests.peers.talk import ActivityRule, Talkspurt, talkspurts

ANSWER_MS = 2500
WORD_MS = 300
IDLE_SECONDS = 2.0
SLACK_SECONDS = 0.4
"""Jitter buffer, detection of tones, and a machine that does other things too."""

pytestmark = pytest.mark.timeout(120)


def assistant() -> dict[str, Any]:
    """Its model is slow and its patience short. Words are tones, so a text is known by its length."""
    return {
        **fake_assistant(first_message="hello", reply="one two three four five six", delay_ms=ANSWER_MS),
        "keypadInputPlan": {"timeoutSeconds": 10, "delimiters": "#"},
        "fillerPlan": {"delaySeconds": 0.6, "phrases": ["one moment"]},
        "silenceTimeoutSeconds": 5,
        "messagePlan": {
            "idleMessages": ["are you there"],
            "idleTimeoutSeconds": IDLE_SECONDS,
            "idleMessageMaxSpokenCount": 1,
            "silenceTimeoutMessage": "well good bye then",
        },
    }


def passages(call: CapturedCall) -> list[Talkspurt]:
    """What the agent said, as stretches of tone: words are 50 ms apart, texts more."""
    return talkspurts(decode(call.agent), ActivityRule(hangover_ms=150))


def between(earlier: Talkspurt, later: Talkspurt) -> float:
    """Seconds of silence."""
    return (later.start_ns - earlier.end_ns) / 1e9


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> tuple[CapturedCall, dict[str, Any]]:
    return asyncio.run(_press_and_wait(tmp_path_factory.mktemp("limits")))


async def _press_and_wait(folder: Path) -> tuple[CapturedCall, dict[str, Any]]:
    async with running_product(ProductPlan(folder / "parley", assistant())) as product:
        async with in_call(SoftphonePlan(folder / "phone"), f"sip:demo@{product.address}") as call:
            await call.phone.far_end_spoke()
            call.phone.press("42#")
            await call.phone.wait_for("ended", seconds=30)
        (record,) = await product.wait_for_records(1)
    return call, record


def test_keys_are_a_turn_and_everything_is_said_in_its_order(heard: tuple[CapturedCall, dict[str, Any]]) -> None:
    turns = [(turn["role"], turn.get("heard") or turn["text"]) for turn in heard[1]["turns"]]
    assert turns == [
        ("agent", "hello"),
        ("caller", "42"),
        ("agent", "one moment one two three four five six"),
        ("agent", "are you there"),
        ("agent", "well good bye then"),
    ]


def test_the_call_ends_from_our_side_when_the_goodbye_was_heard(heard: tuple[CapturedCall, dict[str, Any]]) -> None:
    call, record = heard
    assert record["end_reason"] == "silence-timed-out"
    assert passages(call)[-1].duration_ms == pytest.approx(4 * WORD_MS, abs=WORD_MS / 2), "all four words of it"


def test_the_filler_covers_the_wait_and_ends_before_the_answer(heard: tuple[CapturedCall, dict[str, Any]]) -> None:
    filler, answer = passages(heard[0])[1:3]
    assert filler.duration_ms == pytest.approx(2 * WORD_MS, abs=WORD_MS / 2)
    assert answer.duration_ms == pytest.approx(6 * WORD_MS, abs=WORD_MS / 2)
    assert between(filler, answer) > 0.2


def test_the_latency_is_that_of_the_answer(heard: tuple[CapturedCall, dict[str, Any]]) -> None:
    (latency,) = heard[1]["latency"]
    assert latency["total"] >= ANSWER_MS - 500, "the answer was begun with the last digit, before the delimiter"


def test_the_caller_is_asked_when_the_silence_has_lasted_long_enough(
    heard: tuple[CapturedCall, dict[str, Any]],
) -> None:
    answer, question, goodbye = passages(heard[0])[2:]
    assert between(answer, question) == pytest.approx(IDLE_SECONDS, abs=SLACK_SECONDS)
    assert between(question, goodbye) == pytest.approx(5 - IDLE_SECONDS, abs=SLACK_SECONDS)


def test_rtp_never_stopped(heard: tuple[CapturedCall, dict[str, Any]]) -> None:
    assert_continuous(heard[0].agent, heard[0].caller)


# ---------------------------------------------------------------- over a passage

NOTICE = "one two three four five six seven eight nine ten eleven twelve"
OFFER = "and then some more that a caller who has a question need not hear"


@pytest.fixture(scope="module")
def over_a_notice(tmp_path_factory: pytest.TempPathFactory) -> tuple[CapturedCall, dict[str, Any]]:
    return asyncio.run(_speak_over_the_notice(tmp_path_factory.mktemp("passages")))


async def _speak_over_the_notice(folder: Path) -> tuple[CapturedCall, dict[str, Any]]:
    greeting = f"<uninterruptible>{NOTICE}.</uninterruptible> {OFFER}."
    question = speech.write_wav(folder / "question.wav", speech.synthetic("Can you hear me?"))
    plan = ProductPlan(folder / "parley", fake_assistant(first_message=greeting, reply="yes of course"))
    async with running_product(plan) as product:
        async with in_call(SoftphonePlan(folder / "phone"), f"sip:demo@{product.address}") as call:
            await call.phone.wait_for("far-speech")
            await asyncio.sleep(0.5)
            await call.phone.say(question)
            await call.phone.far_end_spoke()
        (record,) = await product.wait_for_records(1)
    return call, record


def test_a_passage_is_heard_whole_and_then_the_caller_is_answered(
    over_a_notice: tuple[CapturedCall, dict[str, Any]],
) -> None:
    greeting, question, answer = over_a_notice[1]["turns"][:3]
    assert greeting["heard"].startswith(f"{NOTICE}.")
    assert greeting["interrupted"]
    assert (question["text"], answer["heard"]) == ("can you hear me", "yes of course")


def test_the_answer_takes_the_place_of_what_stood_behind_the_passage(
    over_a_notice: tuple[CapturedCall, dict[str, Any]],
) -> None:
    call, _ = over_a_notice
    said, asked = passages(call)[0], call.caller_spurts[0]
    assert said.start_ns < asked.start_ns < asked.end_ns < said.end_ns, "the caller spoke over it"
    assert said.duration_ms == pytest.approx((12 + 3) * WORD_MS, abs=1.5 * WORD_MS), "passage and answer"
