"""Everything that the api process does with what happens in calls: rows, messages, feed, reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import httpx

from gateway.chat.models import OrganisationModels
from gateway.messages.analysing import CallAnalyst
from gateway.messages.feed import Feed
from gateway.messages.intake import Arrival, Intake
from gateway.messages.links import Address, Links
from gateway.messages.reporting import Reporting
from gateway.messages.servers import Origins
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.secrets import Secrets
from gateway.webhooks.attempt import Postman
from gateway.webhooks.sender import Sender


class Messages:
    """`intake` takes events, `feed` tells them, `sender` delivers.

    :param client: past the egress guard
    :param operators: for servers of the operator's own settings
    :param address: of recordings and logs
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        secrets: Secrets,
        *,
        client: httpx.AsyncClient,
        operators: httpx.AsyncClient,
        address: Address | None = None,
    ) -> None:
        webhooks = settings.webhooks
        self.feed = Feed(database)
        self.sender = Sender(
            database,
            Postman(database, secrets, client=client, operators=operators),
            seconds=webhooks.retry_seconds,
            per_host=webhooks.per_host,
            keep=timedelta(days=webhooks.keep_days),
        )
        self.models = OrganisationModels(settings)
        self.origins = Origins(settings, secrets)
        self.intake = Intake(
            database,
            self.origins,
            links=Links(address),
            prices=settings.prices,
            committed=self._committed,
            sender=self.sender,
        )
        self.analyst = CallAnalyst(settings, database, secrets, self.models)
        self.reporting = Reporting(database, self.intake, self.analyst.analyse, seconds=webhooks.analysis_seconds)

    def _committed(self, arrivals: Sequence[Arrival]) -> None:
        for organisation_id in {arrival.event.organisation_id for arrival in arrivals}:
            self.feed.changed(organisation_id)
        self.reporting.tell(arrivals)


@asynccontextmanager
async def serving_messages(
    settings: Settings,
    database: Database,
    secrets: Secrets,
    *,
    client: httpx.AsyncClient,
    address: Address | None = None,
) -> AsyncIterator[Messages]:
    """Deliver and report for as long as the block runs."""
    async with AsyncExitStack() as stack:
        operators = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        messages = Messages(settings, database, secrets, client=client, operators=operators, address=address)
        stack.push_async_callback(messages.models.close)
        await asyncio.to_thread(messages.analyst.prepare)
        tasks = [
            asyncio.create_task(messages.sender.run(), name="deliveries"),
            asyncio.create_task(messages.reporting.run(), name="reports"),
        ]
        try:
            yield messages
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
