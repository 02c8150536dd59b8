"""The only worker stands still for good in the middle of a sentence: the call ends in good order, and the next one is
served by another process. It is stopped, not killed, for a killed one may be back before the call is given up."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.interop.continuity import assert_continuous
from tests.interop.conversation import in_call
from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers.sipp import SippPlan, sipp
from tests.peers.softphone import SoftphonePlan

pytestmark = pytest.mark.timeout(120)


async def test_a_call_whose_only_worker_stands_still_ends_and_the_next_is_served(tmp_path: Path) -> None:
    assistant = fake_assistant(first_message=" ".join(["hello"] * 25))
    async with running_product(ProductPlan(tmp_path / "parley", assistant)) as product:
        async with in_call(SoftphonePlan(tmp_path / "phone"), f"sip:demo@{product.address}") as call:
            await call.phone.wait_for("far-speech")
            stopped = product.worker_pid()
            os.kill(stopped, signal.SIGSTOP)
            ended = await call.phone.wait_for("ended", seconds=40)
        (record,) = await product.wait_for_records(1)
        await product.ready()
        assert product.worker_pid() != stopped
        after = await sipp(SippPlan("silent_call", product.address, tmp_path / "after"), seconds=20)
    assert ended["status"] == 200, ended
    assert record["end_reason"].endswith("worker-died"), record
    assert record["recording"], record
    assert_continuous(call.agent, call.caller)
    assert after.failed == 0, after.errors
