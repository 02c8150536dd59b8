"""Processes that go down while calls go on: workers one after the other, and the gateway when its calls have ended."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest

from gateway.commands.status import healthy
from gateway.control.client import ControlClient
from gateway.control.messages import StatusReport
from tests.interop.product import REPOSITORY, Product, ProductPlan, metric_value, running_product
from tests.interop.providers import fake_assistant
from tests.interop.silences import heard_by_callers
from tests.peers import speech
from tests.peers.capture import capture
from tests.peers.ports import LOOPBACK, free_ports
from tests.peers.process import ChildProcess
from tests.peers.sipp import SippPlan, running_sipp
from tests.sip.party import Party, party

REPLY = "one two three four five six seven eight"
PAUSE_MS = 5500
UNPLANNED_MS = 1000
"""The most silence that a caller may hear because of an update."""

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


async def parley(product: Product, *arguments: str) -> int:
    """A command beside the running product; returns its exit status."""
    child = await ChildProcess.start(
        [sys.executable, "-m", "gateway.cli", *arguments, "--config", str(product.plan.folder / "parley.yaml")],
        log=product.plan.folder / "command.log",
        cwd=REPOSITORY,
    )
    return await child.finished(seconds=240)


def status(product: Product) -> StatusReport:
    with ControlClient(product.plan.data) as gateway:
        return gateway.status()


@pytest.mark.parametrize(
    ("calls", "workers", "hold_ms"),
    [
        pytest.param(6, 1, 26_000, id="6 calls"),
        pytest.param(50, 2, 75_000, id="50 calls", marks=[pytest.mark.long, pytest.mark.alone]),
    ],
)
async def test_an_update_of_all_workers_loses_no_call_and_callers_hear_no_gap(
    tmp_path: Path, calls: int, workers: int, hold_ms: int
) -> None:
    plan = ProductPlan(
        tmp_path / "parley",
        fake_assistant(reply=REPLY),
        changes={"worker": {"count": workers, "capacity": 100}, "sip": {"max_calls": calls + 2}},
        rtp_ports=free_ports(4 * calls + 20),
        drain_seconds=60,
    )
    async with running_product(plan) as product:
        before = {worker.pid for worker in status(product).workers}
        callers = talking(product, tmp_path / "callers", calls=calls, hold_ms=hold_ms, number="update")
        async with capture(tmp_path, ports=plan.rtp_ports) as captured, running_sipp(callers) as run:
            await product.wait_until_active(calls, seconds=30)
            assert await parley(product, "workers", "restart") == 0
            report = status(product)
            assert report.gateways[0].calls == calls, "a call was lost"
            result = await run.result(seconds=hold_ms / 1000 + 30)
        assert (result.successful, result.failed) == (calls, 0), result.errors
        assert healthy(report)
        assert not before & {worker.pid for worker in report.workers}
        records = await product.wait_for_records(calls, number="update")
        assert {record["end_reason"] for record in records} == {"customer-ended-call"}
        assert metric_value(await product.scrape(), "parley_call_moves_total", labels='{because="drain"}') >= calls
        for heard in heard_by_callers(captured.datagrams(), plan.rtp_ports):
            assert heard.longest_hole_ms <= UNPLANNED_MS, heard
            assert heard.slowest_answer_ms <= heard.usual_answer_ms + UNPLANNED_MS, heard
            assert not heard.unanswered, heard


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
        changes={
            "worker": {"capacity": calls + 4},
            "sip": {"max_calls": calls + 4},
            "rtp": {"start_timeout_seconds": 0},  # bob says nothing
        },
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
