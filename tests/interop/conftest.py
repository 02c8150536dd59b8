"""One running product for all tests of signalling, media and load: each start costs seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.interop.product import Product, ProductPlan, running_product, shipped_assistant
from tests.interop.providers import fake_assistant


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """`parley serve` with providers that answer at once. What a test counts, it counts from its own beginning."""
    plan = ProductPlan(
        tmp_path_factory.mktemp("product"),
        fake_assistant(reply="one two three"),
        # Nobody calls it, but the worker has its models in memory, as it would in service.
        changes={"assistants": {"embedded": shipped_assistant()}},
    )
    async with running_product(plan) as running:
        yield running
