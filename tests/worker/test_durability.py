"""What waits until the gateway has an entry on disk."""

from __future__ import annotations

import pytest

from gateway.worker import journal as module
from gateway.worker.journal import Durability


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.01)


async def test_a_gateway_that_never_tells_is_not_waited_for() -> None:
    durability = Durability()
    durability.sent()
    assert await durability.caught_up()


async def test_a_gateway_that_tells_has_to_have_all_entries_on_disk() -> None:
    durability = Durability()
    for _ in range(2):
        durability.sent()
    durability.told(1)
    assert not await durability.caught_up()
    durability.told(2)
    assert await durability.caught_up()


async def test_a_gateway_whose_disk_took_nothing_from_the_start_is_not_taken_for_one_that_never_tells() -> None:
    durability = Durability()
    durability.sent()
    durability.told(0)
    assert not await durability.caught_up()
