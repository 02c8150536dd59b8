"""Calls that cannot be taken are refused before answer, with the status that tells the PBX what to do next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.interop.product import Product, ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers import speech
from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.peers.sipp import SippPlan, SippResult, running_sipp, sipp

pytestmark = [pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="session")]


def plan(folder: Path, **changes: dict[str, object]) -> ProductPlan:
    return ProductPlan(folder / "parley", fake_assistant(), changes=changes)


async def scenario(product: Product, folder: Path, name: str) -> SippResult:
    return await sipp(SippPlan(name, product.address, folder / name), seconds=30)


@pytest.mark.parametrize("scarce", ["calls", "rtp ports"])
async def test_over_capacity_is_503_with_retry_after(tmp_path: Path, scarce: str) -> None:
    few_calls = plan(tmp_path, sip={"max_calls": 1})
    few_ports = replace(plan(tmp_path), rtp_ports=free_ports(4))
    async with running_product(few_calls if scarce == "calls" else few_ports) as product:
        first = SippPlan("talking_call", product.address, tmp_path / "first", hold_ms=4000, audio=speech.silence(1000))
        async with running_sipp(first) as running:
            await product.wait_until_active(1)
            refused = await scenario(product, tmp_path, "refused_503")
            assert refused.failed == 0, refused.errors
            assert (await running.result(seconds=20)).failed == 0
        assert await product.metric("parley_calls_refused_total") == 1


async def test_no_common_codec_is_488_and_the_next_call_is_taken(product: Product, tmp_path: Path) -> None:
    refused = await scenario(product, tmp_path, "no_common_codec")
    assert refused.failed == 0, refused.errors
    taken = await scenario(product, tmp_path, "silent_call")
    assert taken.failed == 0, taken.errors


async def test_without_a_worker_calls_are_503_with_retry_after(tmp_path: Path) -> None:
    nobody = {"count": 0, "addresses": [f"{LOOPBACK}:{free_port()}"]}
    alone = replace(plan(tmp_path, worker=nobody), without_worker=True)
    async with running_product(alone) as product:
        refused = await scenario(product, tmp_path, "refused_503")
        assert refused.failed == 0, refused.errors


async def test_a_provider_with_a_defect_ends_the_call_with_a_reason_and_a_full_record(tmp_path: Path) -> None:
    assistant = fake_assistant(defect=True)
    async with running_product(ProductPlan(tmp_path / "parley", assistant)) as product:
        audio = speech.join(speech.synthetic("Can you hear me?"), speech.silence(3000))
        call = SippPlan("patient_call", product.address, tmp_path / "call", audio=audio)
        ended = await sipp(call, seconds=40)
        assert ended.failed == 0, ended.errors
        (record,) = await product.wait_for_records(1)
        assert record["end_reason"].startswith("pipeline-error"), record
        assert record["failure"], record
        assert (product.plan.data / "calls" / f"{record['id']}.wav").stat().st_size > 44
        await product.wait_until_active(0)
