"""A gateway that goes down while calls go on."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import httpx
import pytest

from gateway.control.client import ControlClient
from gateway.control.messages import StatusReport
from tests.interop.product import Product, ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers import speech
from tests.peers.ports import LOOPBACK, free_ports
from tests.peers.sipp import SippPlan, running_sipp
from tests.sip.party import Party, party

REPLY = "one two three four five six seven eight"
PAUSE_MS = 5500

pytestmark = [pytest.mark.timeout(300)]


def talking(product: Product, folder: Path, *, calls: int, hold_ms: int, number: str) -> SippPlan:
    """Callers who ask the same question again and again, and leave time for the answer."""
    question = speech.synthetic("Can you hear me now?")
    return SippPlan(
        "talking_call",
        product.address,
        folder,
        number=number,
        calls=calls,
        at_once=calls,
        rate=10,
        hold_ms=hold_ms,
        audio=speech.join(question, speech.silence(PAUSE_MS)),
        rtp_ports=free_ports(4 * calls),
    )


def status(product: Product) -> StatusReport:
    with ControlClient(product.plan.data) as gateway:
        return gateway.status()


# ---------------------------------------------------------------- the gateway


async def refusals(ann: Party, product: Product) -> tuple[str, str, str]:
    """What a new caller, a dispatcher and a load balancer are told: the Retry-After, and the reason of /readyz."""
    ann.request("OPTIONS")
    await ann.response(503, "OPTIONS")
    ann.request("INVITE", body=ann.sdp())
    refused = await ann.response(503, "INVITE")
    ann.request("ACK")
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://{LOOPBACK}:{product.plan.http_port}/readyz")
    return refused.message.first("retry-after"), str(answer.status_code), answer.json()["reason"]


@pytest.mark.parametrize(
    ("calls", "drain_seconds"),
    [
        pytest.param(6, 14.0, id="6 calls"),
        pytest.param(50, 30.0, id="50 calls", marks=[pytest.mark.long, pytest.mark.alone]),
    ],
)
@pytest.mark.scenario("FLT-04", peer="SIPp, scripted party", transport="udp")
async def test_a_gateway_lets_calls_end_says_goodbye_to_who_stays_and_is_gone_in_time(
    tmp_path: Path, calls: int, drain_seconds: float
) -> None:
    plan = ProductPlan(
        tmp_path / "parley",
        fake_assistant(reply=REPLY),
        changes={"sip": {"max_calls": calls + 4}},
        rtp_ports=free_ports(4 * calls + 20),
        drain_seconds=drain_seconds,
    )
    hold_ms = int(drain_seconds * 1000) // 3
    async with running_product(plan) as product, party(product.address) as ann, party(product.address) as bob:
        bob.user = "stays"
        await bob.call()
        callers = talking(product, tmp_path / "callers", calls=calls, hold_ms=hold_ms, number="drained")
        async with running_sipp(callers) as run:
            await product.wait_until_active(calls + 1, seconds=30)
            product.child.process.send_signal(signal.SIGTERM)
            told = time.monotonic()
            await until_draining(product)
            retry_after, *ready = await refusals(ann, product)
            assert (int(retry_after) > 0, ready) == (True, ["503", "draining"])
            assert status(product).gateways[0].state == "draining"
            result = await run.result(seconds=drain_seconds)
        assert (result.successful, result.failed) == (calls, 0), result.errors
        assert {record["end_reason"] for record in product.records("drained")} == {"customer-ended-call"}
        # bob neither hangs up nor answers the BYE
        bob.patience = drain_seconds + 5
        await bob.incoming("BYE")
        assert time.monotonic() - told <= drain_seconds + 1
        await product.child.finished(seconds=drain_seconds)
        assert time.monotonic() - told <= drain_seconds + 2 + 0.2
        (record,) = product.records("stays")
        assert record["end_reason"] == "worker-shutdown"


async def until_draining(product: Product) -> None:
    async with asyncio.timeout(10):
        while status(product).gateways[0].state != "draining":  # noqa: ASYNC110  another process has no event
            await asyncio.sleep(0.05)


@pytest.mark.scenario("FLT-04", peer="scripted party", transport="udp")
async def test_a_second_signal_does_not_wait_for_calls(tmp_path: Path) -> None:
    plan = ProductPlan(tmp_path / "parley", fake_assistant(reply=REPLY), drain_seconds=600)
    async with running_product(plan) as product, party(product.address) as ann:
        await ann.call()
        product.child.process.send_signal(signal.SIGTERM)
        await until_draining(product)
        product.child.process.send_signal(signal.SIGTERM)
        ann.respond(await ann.incoming("BYE"), "200 OK")
        await product.child.finished(seconds=10)
