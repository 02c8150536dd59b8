"""Sends what is in the outbox: in order per call and server, and no host in the way of another.

A transaction of its loop writes what became of the last attempts and claims what is due. A server that hangs holds some
claims; what else is due for its host stays in the database until one ends.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import ParleyError
from gateway.observe import webhook_metrics as metrics
from gateway.store import outbox
from gateway.store.clock import clock
from gateway.store.database import Database
from gateway.store.outbox import Delivery
from gateway.webhooks.attempt import Outcome, Postman, host_of
from gateway.webhooks.retries import Retries, retry_after

log = structlog.get_logger(__name__)

CLAIMED_AT_ONCE = 32
IN_FLIGHT = 1000
LEASE = timedelta(seconds=420)
"""Longer than the longest attempt: then another process may try."""
IDLE_SECONDS = 5.0
"""The outbox is looked at so often though nobody says that there is something: another process may have added it."""
FORGET_SECONDS = 3600.0
_FAULTS = (ParleyError, SQLAlchemyError, OSError)


@dataclass(slots=True)
class _Host:
    """`count` deliveries are claimed for it, of which `gate` lets some go at once."""

    gate: asyncio.Semaphore
    count: int = 0


class Sender:
    """Delivers until it is cancelled.

    :param seconds: for how long a message is tried whose server has no backoffPlan
    :param per_host: attempts at once to one host and port
    :param keep: for how long what was delivered can be seen and replayed
    """

    def __init__(
        self,
        database: Database,
        postman: Postman,
        *,
        seconds: float,
        per_host: int,
        keep: timedelta,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._database = database
        self._postman = postman
        self._seconds = seconds
        self._per_host = per_host
        self._keep = keep
        self._now = now
        self._wake = asyncio.Event()
        self._hosts: dict[str, _Host] = {}
        self._in_flight: set[int] = set()
        self._outcomes: list[tuple[Delivery, Outcome]] = []
        self._retries: list[datetime] = []
        """When deliveries that failed are due, a heap."""

    def wake(self) -> None:
        """Something was added to the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until this is cancelled; what is on its way then is tried again at the next start."""
        await self._begin()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_house(), name="old deliveries")
                while True:
                    self._wake.clear()
                    pause = await self._turn(tasks)
                    try:
                        async with asyncio.timeout(pause):
                            await self._wake.wait()
                    except TimeoutError:
                        pass
        finally:
            await self._write_outcomes()

    async def _begin(self) -> None:
        try:
            async with self._database.transaction() as session:
                await outbox.release(session, self._now())
        except _FAULTS as error:
            log.warning("deliveries of the last run wait for their lease", error=str(error))

    async def _turn(self, tasks: asyncio.TaskGroup) -> float:
        """Write what came of the last attempts, start new ones; seconds until there may be more to do."""
        now, outcomes = self._now(), self._outcomes
        self._outcomes = []
        room = max(0, min(CLAIMED_AT_ONCE, IN_FLIGHT - len(self._in_flight)))
        busy = [name for name, host in self._hosts.items() if host.count >= self._per_host]
        retries: list[datetime] = []
        try:
            async with self._database.transaction() as session:
                retries = [at for one in outcomes if (at := await self._settle(session, *one, now))]
                claimed = await outbox.claim(session, now, lease=LEASE, limit=room, without=busy) if room else ()
        except _FAULTS as error:
            log.warning("the outbox cannot be used now", error=str(error))
            self._outcomes = outcomes + self._outcomes
            return 1.0
        for delivery in claimed:
            self._start(tasks, delivery)
        for at in retries:
            heapq.heappush(self._retries, at)
        return 0.0 if claimed and len(claimed) == room else self._pause()

    def _pause(self) -> float:
        now = self._now()
        if self._retries and self._retries[0] <= now:
            while self._retries and self._retries[0] <= now:
                heapq.heappop(self._retries)
            return 0.0
        soonest = (self._retries[0] - now).total_seconds() if self._retries else IDLE_SECONDS
        return min(soonest, IDLE_SECONDS)

    def _start(self, tasks: asyncio.TaskGroup, delivery: Delivery) -> None:
        if delivery.position in self._in_flight:
            return
        name = host_of(delivery.server)
        host = self._hosts.setdefault(name, _Host(asyncio.Semaphore(self._per_host)))
        host.count += 1
        self._in_flight.add(delivery.position)
        tasks.create_task(self._attempt(delivery, name, host), name=f"delivery {delivery.position}")

    async def _attempt(self, delivery: Delivery, name: str, host: _Host) -> None:
        try:
            async with host.gate:
                if delivery.attempts == 1:
                    metrics.LATENESS.observe(max(0.0, (self._now() - delivery.created_at).total_seconds()))
                outcome = await self._postman.post(delivery)
        except Exception:  # one message must not end the delivery of all others
            log.exception("delivery failed by our own fault", delivery=delivery.position)
            outcome = Outcome(None, "Parley failed to send it; its log tells why.")
        finally:
            self._in_flight.discard(delivery.position)
            host.count -= 1
            if not host.count:
                del self._hosts[name]
        self._outcomes.append((delivery, outcome))
        self._wake.set()

    async def _settle(
        self, session: AsyncSession, delivery: Delivery, outcome: Outcome, now: datetime
    ) -> datetime | None:
        """Write what became of an attempt; returns when the next one is due."""
        if outcome.error is None:
            metrics.ATTEMPTS.labels("delivered").inc()
            await outbox.done(session, delivery.position, status=outcome.status)
            return None
        delay = Retries.of(delivery.server, self._seconds).delay(
            delivery.attempts,
            age_seconds=(now - delivery.created_at).total_seconds(),
            status=outcome.status,
            asked_seconds=retry_after(outcome.retry_after, now),
        )
        said = {"delivery": delivery.position, "type": delivery.type, "host": host_of(delivery.server)}
        if delay is None:
            metrics.ATTEMPTS.labels("given up").inc()
            log.warning("delivery given up", error=outcome.error, attempts=delivery.attempts, **said)
            await outbox.dead(session, delivery.position, status=outcome.status, error=outcome.error)
            return None
        metrics.ATTEMPTS.labels("failed").inc()
        log.info("delivery failed", error=outcome.error, attempts=delivery.attempts, again_in_seconds=delay, **said)
        at = now + timedelta(seconds=delay)
        await outbox.failed(session, delivery.position, retry_at=at, status=outcome.status, error=outcome.error)
        return at

    async def _write_outcomes(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        try:
            async with self._database.transaction() as session:
                for one in outcomes:
                    await self._settle(session, *one, self._now())
        except _FAULTS as error:
            log.warning("messages may be delivered twice", count=len(outcomes), error=str(error))

    async def _keep_house(self) -> None:
        """Tell how much waits; delete what was delivered long ago."""
        forgotten: datetime | None = None
        while True:
            now = self._now()
            try:
                async with self._database.reading() as session:
                    waiting, oldest = await outbox.backlog(session)
                metrics.WAITING.set(waiting)
                metrics.OLDEST_SECONDS.set((now - oldest).total_seconds() if oldest else 0)
                if forgotten is None or (now - forgotten).total_seconds() >= FORGET_SECONDS:
                    async with self._database.transaction() as session:
                        await outbox.forget(session, now - self._keep)
                    forgotten = now
            except _FAULTS as error:
                log.warning("the outbox cannot be looked at", error=str(error))
            await asyncio.sleep(IDLE_SECONDS)
