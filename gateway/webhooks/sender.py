"""Sends what is in the outbox: in order per call and server, and no host in the way of another.

What an intake adds is claimed as it is written, and comes here in memory once it is committed: it leaves without a
further transaction. What is found in the database, such as what failed before, is claimed by the loop, whose
transaction also writes what became of the last attempts. A server that hangs holds some claims; what else is due for
its host stays in the database until one ends.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import ParleyError
from gateway.observe import webhook_metrics as metrics
from gateway.store import outbox
from gateway.store.clock import clock
from gateway.store.database import Database
from gateway.store.outbox import Delivery, NewDelivery
from gateway.webhooks.attempt import Outcome, Postman, host_of, timeout_of
from gateway.webhooks.retries import Retries, retry_after
from gateway.webhooks.run import Added, Run

log = structlog.get_logger(__name__)

CLAIMED_AT_ONCE = 32
IN_FLIGHT = 1000
WAIT_SECONDS = 10.0
"""A claim lasts so much longer than an attempt at its server may. Then another process may try: one that died, on a
database that several share, keeps its messages no longer."""
HELD_PER_PLACE = 16
"""So many may wait in memory for each attempt that a host takes at once."""
GATHER_SECONDS = 0.1
"""Deliveries are written as done together: nobody waits for it."""
IDLE_SECONDS = 5.0
"""The outbox is looked at so often though nobody says that there is something: another process may have added it."""
FORGET_SECONDS = 3600.0
_FAULTS = (ParleyError, SQLAlchemyError, OSError)


@dataclass(slots=True)
class _Host:
    """`count` deliveries are claimed for it, `found` of them in the database; `gate` lets some go at once."""

    gate: asyncio.Semaphore
    count: int = 0
    found: int = 0


_Tried = tuple[Run, Delivery, Outcome]


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
        self._runs: dict[str, Run] = {}
        self._in_flight: dict[int, bool] = {}
        """Positions; whether they were found in the database."""
        self._tasks: asyncio.TaskGroup | None = None
        self._outcomes: list[_Tried] = []
        self._returned: list[int] = []
        """Claimed, but others have to go first."""
        self._gathering: asyncio.TimerHandle | None = None
        self._retries: list[datetime] = []
        """When deliveries that failed are due, a heap."""

    def wake(self) -> None:
        """Something was added to the outbox."""
        self._wake.set()

    async def add(self, session: AsyncSession, new: Sequence[NewDelivery]) -> Added:
        """Add to the outbox, in the transaction of what they tell; `send` gets the result once it is committed."""
        runs = {one.stream: run for one in new if (run := self._runs.get(one.stream)) is not None and run.whole}
        added = await outbox.add_claimed(session, new, lease=lease_of, held=runs)
        claimed = [one for one in added if one.attempts]
        for one in claimed:
            runs.setdefault(one.stream, Run(one.stream, whole=True))
        return Added([(runs[one.stream], one) for one in claimed], len(added) - len(claimed))

    def send(self, added: Added) -> None:
        """What was added is committed."""
        for run, delivery in added.claimed:
            # Meanwhile an attempt may have failed, behind which this one has to wait.
            if run.whole and self._has_room(delivery) and self._runs.setdefault(run.stream, run) is run:
                self._hold(run, delivery, found=False)
            else:
                run.whole = False
                self._returned.append(delivery.position)
        if added.left or self._returned:
            self._wake.set()

    async def run(self) -> None:
        """Deliver until this is cancelled; what is on its way then is tried again at the next start."""
        await self._begin()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_house(), name="old deliveries")
                self._tasks = tasks
                while True:
                    self._wake.clear()
                    self._stop_gathering()
                    pause = await self._turn()
                    try:
                        async with asyncio.timeout(pause):
                            await self._wake.wait()
                    except TimeoutError:
                        pass
        finally:
            self._tasks = None
            self._stop_gathering()
            for run in self._runs.values():
                self._return(run)
            await self._write_outcomes()

    async def _begin(self) -> None:
        try:
            async with self._database.transaction() as session:
                await outbox.release(session, self._now())
        except _FAULTS as error:
            log.warning("deliveries of the last run wait for their lease", error=str(error))

    async def _turn(self) -> float:
        """Write what came of the last attempts, start new ones; seconds until there may be more to do."""
        now, outcomes, returned = self._now(), self._outcomes, self._returned
        self._outcomes, self._returned = [], []
        room = max(0, min(CLAIMED_AT_ONCE, IN_FLIGHT - len(self._in_flight)))
        busy = [name for name, host in self._hosts.items() if host.found >= self._per_host]
        try:
            async with self._database.transaction() as session:
                retries = await self._settle(session, outcomes, returned, now)
                claimed = await outbox.claim(session, now, lease=lease_of, limit=room, without=busy) if room else ()
        except _FAULTS as error:
            log.warning("the outbox cannot be used now", error=str(error))
            self._outcomes, self._returned = outcomes + self._outcomes, returned + self._returned
            return 1.0
        self._forget(outcomes)
        for delivery in claimed:
            self._start(delivery)
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

    def _start(self, delivery: Delivery) -> None:
        """Try what was found in the database."""
        if delivery.position not in self._in_flight:
            run = self._runs.setdefault(delivery.stream, Run(delivery.stream, whole=False))
            self._hold(run, delivery, found=True)

    def _has_room(self, delivery: Delivery) -> bool:
        if self._tasks is None or len(self._in_flight) >= IN_FLIGHT:
            return False
        host = self._hosts.get(host_of(delivery.server))
        return host is None or host.count < self._per_host * HELD_PER_PLACE

    def _hold(self, run: Run, delivery: Delivery, *, found: bool) -> None:
        assert self._tasks is not None
        name = host_of(delivery.server)
        host = self._hosts.setdefault(name, _Host(asyncio.Semaphore(self._per_host)))
        host.count += 1
        host.found += found
        self._in_flight[delivery.position] = found
        run.waiting.append(delivery)
        if not run.sending:
            run.sending = True
            self._tasks.create_task(self._send(run), name=f"deliveries of {run.stream}")

    def _let_go(self, delivery: Delivery) -> None:
        name = host_of(delivery.server)
        host = self._hosts[name]
        host.count -= 1
        host.found -= self._in_flight.pop(delivery.position)
        if not host.count:
            del self._hosts[name]

    def _return(self, run: Run) -> None:
        """To the database, which knows what has to go first."""
        run.whole = False
        while run.waiting:
            delivery = run.waiting.popleft()
            self._returned.append(delivery.position)
            self._let_go(delivery)

    async def _send(self, run: Run) -> None:
        try:
            while run.waiting:
                async with self._hosts[host_of(run.waiting[0].server)].gate:
                    first = run.waiting[0]
                    if first.due_at - self._now() < timedelta(seconds=timeout_of(first.server)):
                        self._return(run)  # an attempt might last longer than the claim
                        continue
                    await self._attempt(run, run.waiting.popleft())
        finally:
            run.sending = False
        self._finished(run)

    async def _attempt(self, run: Run, delivery: Delivery) -> None:
        try:
            if delivery.attempts == 1:
                metrics.LATENESS.observe(max(0.0, (self._now() - delivery.created_at).total_seconds()))
            outcome = await self._postman.post(delivery)
        except Exception:  # one message must not end the delivery of all others
            log.exception("delivery failed by our own fault", delivery=delivery.position)
            outcome = Outcome(None, "Parley failed to send it; its log tells why.")
        finally:
            self._let_go(delivery)
        run.unwritten += 1
        self._outcomes.append((run, delivery, outcome))
        if outcome.error is not None:
            self._return(run)

    def _finished(self, run: Run) -> None:
        """Have the database know: at once where more of the stream may wait there, else with what others finish."""
        self._drop_if_over(run)
        if not run.whole:
            self._wake.set()
        elif self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._wake.set)

    def _stop_gathering(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None

    def _forget(self, written: Sequence[_Tried]) -> None:
        for run, _, _ in written:
            run.unwritten -= 1
            self._drop_if_over(run)

    def _drop_if_over(self, run: Run) -> None:
        if run.over and self._runs.get(run.stream) is run:
            run.whole = False
            del self._runs[run.stream]

    async def _settle(
        self, session: AsyncSession, outcomes: Sequence[_Tried], returned: Sequence[int], now: datetime
    ) -> Sequence[datetime]:
        """Write what became of attempts; returns when the next ones are due."""
        delivered: defaultdict[int | None, list[int]] = defaultdict(list)
        retries = []
        for _, delivery, outcome in outcomes:
            if outcome.error is None:
                delivered[outcome.status].append(delivery.position)
            elif at := await self._failed(session, delivery, outcome, outcome.error, now):
                retries.append(at)
        for status, positions in delivered.items():
            metrics.ATTEMPTS.labels("delivered").inc(len(positions))
            await outbox.done(session, *positions, status=status)
        if returned:
            await outbox.unclaim(session, returned, now)
        return retries

    async def _failed(
        self, session: AsyncSession, delivery: Delivery, outcome: Outcome, error: str, now: datetime
    ) -> datetime | None:
        """Write that an attempt failed; returns when the next one is due."""
        delay = Retries.of(delivery.server, self._seconds).delay(
            delivery.attempts,
            age_seconds=(now - delivery.created_at).total_seconds(),
            status=outcome.status,
            asked_seconds=retry_after(outcome.retry_after, now),
        )
        said = {"delivery": delivery.position, "type": delivery.type, "host": host_of(delivery.server)}
        if delay is None:
            metrics.ATTEMPTS.labels("given up").inc()
            log.warning("delivery given up", error=error, attempts=delivery.attempts, **said)
            await outbox.dead(session, delivery.position, status=outcome.status, error=error)
            return None
        metrics.ATTEMPTS.labels("failed").inc()
        log.info("delivery failed", error=error, attempts=delivery.attempts, again_in_seconds=delay, **said)
        at = now + timedelta(seconds=delay)
        await outbox.failed(session, delivery.position, retry_at=at, status=outcome.status, error=error)
        return at

    async def _write_outcomes(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        returned, self._returned = self._returned, []
        try:
            async with self._database.transaction() as session:
                await self._settle(session, outcomes, returned, self._now())
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


def lease_of(server: Mapping[str, Any]) -> timedelta:
    """For how long a delivery to this server is claimed."""
    return timedelta(seconds=timeout_of(server) + WAIT_SECONDS)
