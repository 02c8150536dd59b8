"""Models that hang, on the wire: another answers, or the caller is told; and nobody waits in silence."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.providers.ended_reasons import NO_MODEL
from gateway.worker.attachment import HEALTH_SECONDS
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

pytestmark = [pytest.mark.alone, pytest.mark.timeout(180)]


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


@dataclass(frozen=True, slots=True)
class Heard:
    """:param asked: how often each host was
    :param metrics: of the gateway, after all calls
    """

    calls: dict[str, tuple[CapturedCall, dict[str, Any]]]
    asked: dict[str, int]
    metrics: str


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    return asyncio.run(_call_each(tmp_path_factory.mktemp("failover")))


async def _call_each(folder: Path) -> Heard:
    """A call of each kind at once, and a second one after the first was helped."""
    question = speech.write_wav(folder / "question.wav", speech.synthetic("Can you hear me?"))
    async with models() as hosts:
        plan = ProductPlan(folder / "parley", fake_assistant(), changes=settings(hosts))
        async with running_product(plan) as product:
            async with asyncio.TaskGroup() as group:
                asking = {name: group.create_task(_ask(product, folder / name, question, name)) for name in CHAINS}
                await asking["helped"]
                asking["again"] = group.create_task(_ask(product, folder / "again", question, "helped"))
            calls = {name: task.result() for name, task in asking.items()}
            await asyncio.sleep(HEALTH_SECONDS + 1)
            metrics = await product.scrape()
        return Heard(calls, {name: len(host.seen) for name, host in hosts.items()}, metrics)


async def _ask(product: Product, folder: Path, question: Path, number: str) -> tuple[CapturedCall, dict[str, Any]]:
    before = len(product.records(number))
    async with in_call(SoftphonePlan(folder), f"sip:{number}@{product.address}") as call:
        await call.phone.far_end_spoke()
        await call.phone.say(question)
        if number == "helped":
            await asyncio.sleep(ANSWERED_SECONDS)
        else:
            await call.phone.wait_for("ended", seconds=30)
    return call, (await product.wait_for_records(before + 1, number=number))[-1]


def silences(call: CapturedCall) -> list[float]:
    """Seconds without a sound of the agent's, from the caller's last word to the agent's last."""
    end_ns = call.caller_spurts[-1].end_ns
    sounds = [spurt for spurt in talkspurts(decode(call.agent), ActivityRule(hangover_ms=150)) if spurt.end_ns > end_ns]
    return [(later.start_ns - earlier.end_ns) / 1e9 for earlier, later in pairwise([Talkspurt(0, end_ns), *sounds])]


def said(record: dict[str, Any]) -> str:
    return " ".join(turn.get("heard") or turn["text"] for turn in record["turns"] if turn["role"] == "agent")


@pytest.mark.parametrize("name", ["helped", "again", "lost", "unfilled"])
def test_no_turn_is_silent_for_longer_than_it_may_be(heard: Heard, name: str) -> None:
    call, record = heard.calls[name]
    found = silences(call)
    print(f"{name}: silences of {', '.join(f'{seconds:.2f}' for seconds in found)} s; {said(record)}")
    assert max(found) <= SILENT_SECONDS + SLACK_SECONDS


def test_another_model_answers(heard: Heard) -> None:
    for name in ("helped", "again"):
        assert "one two three four five six" in said(heard.calls[name][1])


def test_the_second_call_does_not_even_try_the_dead_model(heard: Heard) -> None:
    (latency,) = heard.calls["again"][1]["latency"]
    print(f"the model's part of the second call's latency: {latency['model']:.0f} ms")
    assert heard.asked["openai"] == 1


def test_the_metrics_tell_who_is_out_of_use(heard: Heard) -> None:
    up = dict(
        re.findall(r'^parley_provider_up\{provider="(\S+) [^"]*",stage="model",[^}]*\} (\S+)$', heard.metrics, re.M)
    )
    assert {name: up.get(name) for name in (*DEAD[:1], ALIVE)} == {DEAD[0]: "0.0", ALIVE: "1.0"}


@pytest.mark.parametrize("name", ["lost", "unfilled"])
def test_without_a_model_the_caller_is_told_and_the_record_says_why(heard: Heard, name: str) -> None:
    record = heard.calls[name][1]
    assert record["end_reason"] == NO_MODEL
    assert "I am sorry" in said(record)


def test_without_fillers_one_phrase_covers_what_went_wrong(heard: Heard) -> None:
    assert said(heard.calls["unfilled"][1]).count("One moment, please.") >= 1
