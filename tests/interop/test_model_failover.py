"""Models that hang, on the wire: another answers, or the caller is told; and nobody waits in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.providers.ended_reasons import NO_MODEL
from tests.interop.conversation import CapturedCall, in_call
from tests.interop.product import Product, ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers import speech
from tests.peers.rtp import decode
from tests.peers.softphone import SoftphonePlan
from tests.peers.talk import ActivityRule, Talkspurt, talkspurts
from tests.providers.emulators.answers import Answer
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_chat import OpenAiChat

SILENT_SECONDS = 2.5
SLACK_SECONDS = 0.3
"""A machine that does other things too."""
ANSWERED_SECONDS = 6.0
DEAD = ("openai", "together-ai", "openrouter", "deepinfra", "cerebras")
ALIVE = "groq"
CHAINS = {"helped": ("openai", ALIVE), "lost": ("together-ai", "openrouter"), "unfilled": ("deepinfra", "cerebras")}

pytestmark = pytest.mark.timeout(180)


@asynccontextmanager
async def models() -> AsyncIterator[dict[str, OpenAiChat]]:
    """Hosts of models: all but one accept a request and never answer it."""
    async with AsyncExitStack() as stack:
        hosts = {name: OpenAiChat(lambda _: Answer("one two three four five six")) for name in (*DEAD, ALIVE)}
        for name, host in hosts.items():
            host.fault = Fault(Kind.HANG_AT_CONNECT) if name in DEAD else None
            await stack.enter_async_context(running(host))
        yield hosts


def assistant(chain: Sequence[str], **fields: Any) -> dict[str, Any]:
    first, *others = ({"provider": name, "model": "one"} for name in chain)
    return {**fake_assistant(), "model": {**first, "fallbackPlan": {"models": others}}, **fields}


def settings(hosts: dict[str, OpenAiChat]) -> dict[str, Any]:
    unfilled = assistant(CHAINS["unfilled"], fillerPlan={"enabled": False})
    return {
        "assistants": {name: assistant(chain) for name, chain in CHAINS.items()} | {"unfilled": unfilled},
        "routes": [{"assistant": name, "number": name} for name in CHAINS],
        "credentials": [{"provider": name, "apiKey": one.key, "apiUrl": one.api_url} for name, one in hosts.items()],
        "failover": {"breaker_failures": 1, "breaker_seconds": 300},
    }


Heard = dict[str, tuple[CapturedCall, dict[str, Any]]]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> tuple[Heard, dict[str, int]]:
    return asyncio.run(_call_each(tmp_path_factory.mktemp("failover")))


async def _call_each(folder: Path) -> tuple[Heard, dict[str, int]]:
    """A call of each kind, and a second one after the first was helped; how often each host was asked by then."""
    question = speech.write_wav(folder / "question.wav", speech.synthetic("Can you hear me?"))
    calls: Heard = {}
    async with models() as hosts:
        plan = ProductPlan(folder / "parley", fake_assistant(), changes=settings(hosts))
        async with running_product(plan) as product:
            for name in ("helped", "again", "lost", "unfilled"):
                number = "helped" if name == "again" else name
                calls[name] = await _ask(product, folder / name, question, number)
        return calls, {name: len(host.seen) for name, host in hosts.items()}


async def _ask(product: Product, folder: Path, question: Path, number: str) -> tuple[CapturedCall, dict[str, Any]]:
    before = len(product.records())
    async with in_call(SoftphonePlan(folder), f"sip:{number}@{product.address}") as call:
        await call.phone.far_end_spoke()
        await call.phone.say(question)
        if number == "helped":
            await asyncio.sleep(ANSWERED_SECONDS)
        else:
            await call.phone.wait_for("ended", seconds=30)
    return call, (await product.wait_for_records(before + 1))[-1]


def silences(call: CapturedCall) -> list[float]:
    """Seconds without a sound of the agent's, from the caller's last word to the agent's last."""
    end_ns = call.caller_spurts[-1].end_ns
    sounds = [spurt for spurt in talkspurts(decode(call.agent), ActivityRule(hangover_ms=150)) if spurt.end_ns > end_ns]
    return [(later.start_ns - earlier.end_ns) / 1e9 for earlier, later in pairwise([Talkspurt(0, end_ns), *sounds])]


def said(record: dict[str, Any]) -> str:
    return " ".join(turn.get("heard") or turn["text"] for turn in record["turns"] if turn["role"] == "agent")


@pytest.mark.parametrize("name", ["helped", "again", "lost", "unfilled"])
def test_no_turn_is_silent_for_longer_than_it_may_be(heard: tuple[Heard, dict[str, int]], name: str) -> None:
    call, record = heard[0][name]
    found = silences(call)
    print(f"{name}: silences of {', '.join(f'{seconds:.2f}' for seconds in found)} s; {said(record)}")
    assert max(found) <= SILENT_SECONDS + SLACK_SECONDS


def test_another_model_answers(heard: tuple[Heard, dict[str, int]]) -> None:
    for name in ("helped", "again"):
        assert "one two three four five six" in said(heard[0][name][1])


def test_the_second_call_does_not_even_try_the_dead_model(heard: tuple[Heard, dict[str, int]]) -> None:
    (latency,) = heard[0]["again"][1]["latency"]
    print(f"the model's part of the second call's latency: {latency['model']:.0f} ms")
    assert heard[1]["openai"] == 1


@pytest.mark.parametrize("name", ["lost", "unfilled"])
def test_without_a_model_the_caller_is_told_and_the_record_says_why(
    heard: tuple[Heard, dict[str, int]], name: str
) -> None:
    record = heard[0][name][1]
    assert record["end_reason"] == NO_MODEL
    assert "I am sorry" in said(record)


def test_without_fillers_one_phrase_covers_what_went_wrong(heard: tuple[Heard, dict[str, int]]) -> None:
    assert said(heard[0]["unfilled"][1]).count("One moment, please.") >= 1
