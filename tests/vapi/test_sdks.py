"""Vapi's official SDKs against a running `parley serve`: the life of everything that has a core operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.interop.product import ProductPlan, running_product, shipped_assistant
from tests.peers.ports import LOOPBACK, free_port
from tests.vapi.contract import contract, is_here
from tests.vapi.life_of import Operation, operations, python_life, typescript_life

pytestmark = [pytest.mark.interop, pytest.mark.models, pytest.mark.timeout(700)]

KEY = "sk-bootstrap-for-the-sdks-0123456789"
EXPECTED_FAULTS = {"assistants.get (deleted)": 404}


@pytest.mark.both_databases
async def test_the_typescript_sdk_lives_the_whole_life(tmp_path: Path, empty_database_url: str) -> None:
    await lives(typescript_life, tmp_path, empty_database_url)


async def test_the_python_sdk_lives_the_whole_life(tmp_path: Path, empty_database_url: str) -> None:
    await lives(python_life, tmp_path, empty_database_url)


async def lives(life: Callable[[str, str], list[str]], folder: Path, database_url: str) -> None:
    """Every operation does what it says, and every answer is what Vapi's document describes, where that is here."""
    port = free_port()
    changes: dict[str, Mapping[str, Any]] = {
        "api": {"enabled": True, "port": port, "bootstrap_key": KEY},
        "media": {"port": free_port()},
        "store": {"url": database_url},
        "egress": {"allow": ["*.example.com"]},
    }
    async with running_product(ProductPlan(folder, shipped_assistant(), changes=changes)):
        done = await operations(life(f"http://{LOOPBACK}:{port}", KEY))
    assert len(done) > 40
    assert [(one.name, one.error) for one in done if not as_expected(one)] == []
    if is_here():
        assert [fault for one in done for fault in faults(one)] == []


def as_expected(operation: Operation) -> bool:
    status = operation.wire[-1]["status"] if operation.wire else 0
    if operation.name in EXPECTED_FAULTS:
        return bool(status == EXPECTED_FAULTS[operation.name])
    return operation.error is None and status < 300


def faults(operation: Operation) -> list[str]:
    """Where the answers are not what Vapi's document describes."""
    return [
        f"{operation.name}: {fault}"
        for one in operation.wire
        if one["status"] < 300
        for fault in contract().answer_faults(one["method"], one["path"], one["status"], one["json"])
    ]
