"""One endpoint for a module's tests: each gets it without the calls of the test before."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.sip.exchange import Exchange, exchange
from tests.sip.party import Party, party


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint() -> AsyncIterator[Exchange]:
    async with exchange(sip={"max_calls": 16}) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def ours(endpoint: Exchange) -> Exchange:
    await endpoint.endpoint.set_trunks([])
    endpoint.calls.clear()
    endpoint.answering = lambda leg: leg.answer()
    return endpoint


@pytest_asyncio.fixture(loop_scope="module")
async def ann(ours: Exchange) -> AsyncIterator[Party]:
    async with party(ours.address) as one:
        yield one
