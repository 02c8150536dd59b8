"""Calls the customers of campaigns, and those of API calls again: what the store says is due, at the time it is due.

All that is known is in the store, so that a restart, or another process beside this one, changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import structlog

from gateway.campaigns.campaign import Rules, request_for, retry_rule
from gateway.campaigns.kept_requests import opened_request
from gateway.campaigns.retry import Outcome, outcome_of
from gateway.errors import ApiError, Conflict, Forbidden, ParleyError, StoreError, TooManyCalls, Unavailable
from gateway.observe import campaign_metrics as metrics
from gateway.store import contacts as store
from gateway.store.campaigns import ENDED, IN_PROGRESS, SCHEDULED, active_campaign, active_campaigns
from gateway.store.clock import clock
from gateway.store.contacts import Contact, EndedCall
from gateway.store.database import Database
from gateway.store.entities import Entities, Entity, Kind
from gateway.store.secrets import Secrets
from gateway.store.unhurried import to_its_end

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 1.0
LEASE = timedelta(seconds=20)
"""Who claimed a customer this long ago, and made no call, is gone; should he come back, he finds his claim lost."""
_BEGIN_SECONDS = 40.0
"""For a gateway to say that it dials."""
_NOT_NOW_SECONDS = 5
_END_SECONDS = 3.0
_AT_A_TIME = 200
_MOST_LOST = 5
"""Calls to one customer that no gateway ever had: then it is given up."""
SUCCESS = "campaign.ended.success"
_LATE = "schedulePlan.latestAt came first."
_NEVER_OPEN = "callingHours leave no time to call."


class Begins(Protocol):
    """The part of `Calling` that is used here."""

    async def begin_call(self, organisation: str, body: Mapping[str, Any], call: Mapping[str, Any]) -> object:
        """Begin a call whose contact is claimed.

        :param call: fields of the Call, with its id
        :raises ApiError: nothing was dialled
        """


@dataclass(frozen=True, slots=True)
class _Due:
    """A contact that this process has claimed."""

    contact: Contact
    call: Mapping[str, Any]
    request: Mapping[str, Any]
    at: datetime
    rules: Rules | None


class Dispatcher:
    """:param attached: whether a gateway is there that could dial"""

    def __init__(self, database: Database, secrets: Secrets, begins: Begins, attached: Callable[[], bool]) -> None:
        self._database = database
        self._secrets = secrets
        self._begins = begins
        self._attached = attached
        self._held: dict[str | None, datetime] = {}
        """Campaigns that were told "not now", until when."""
        self._dialling: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Sweep until it is cancelled; what is on its way in the database then is let come to its end."""
        if self._database.dialect == "sqlite":  # no other process works at it: who claimed is gone
            await to_its_end(self._give_back_stale(), name="claims of an earlier process")
        try:
            while True:
                await asyncio.sleep(SWEEP_SECONDS)
                await to_its_end(self._swept(), name="sweep of campaigns")
        finally:
            await _end(list(self._dialling))

    async def _give_back_stale(self) -> None:
        async with self._database.transaction() as session:
            await store.give_back_stale(session, clock.now())

    async def _swept(self) -> None:
        try:
            await self.sweep()
        except Exception:  # the next sweep tries again
            log.exception("sweep of campaigns failed")

    async def sweep(self) -> None:
        """Follow calls that ended; begin those that are due."""
        await self._follow_ended()
        async with self._database.transaction() as session:
            await store.give_back_stale(session, clock.now() - LEASE)
        async with self._database.reading() as session:
            campaigns = await active_campaigns(session)
        for campaign_id in campaigns:
            await self._advance(campaign_id)
        if self._may_dial(None):
            self._begin(await self._claim_repeated())

    async def settled(self) -> None:
        """Wait for the calls that are about to begin."""
        if self._dialling:
            await asyncio.wait(self._dialling)

    # ------------------------------------------------------------ after a call

    async def _follow_ended(self) -> None:
        async with self._database.reading() as session:
            ended = await store.ended_calls(session, _AT_A_TIME)
        for one in ended:
            try:
                await self._follow(one)
            except ParleyError as error:  # the others are followed all the same
                log.warning("end of a call not followed", call=one.contact.call_id, detail=str(error))

    async def _follow(self, ended: EndedCall) -> None:
        contact = ended.contact
        outcome = outcome_of(ended.ended_reason, answered=ended.started_at is not None)
        if ended.deleted:
            outcome = Outcome.CANCELED
        lost = contact.attempts - contact.tries
        async with self._database.transaction() as session:
            if outcome is None and lost < _MOST_LOST:
                await store.wait_again(session, contact, clock.now(), tries=contact.tries, outcome="")
                return
            outcome, tries = outcome or Outcome.FAILED, contact.tries + 1
            again = await self._again_at(Entities(session, contact.organisation_id), contact, outcome, tries, ended)
            if again is not None:
                await store.wait_again(session, contact, again, tries=tries, outcome=outcome)
                return
            await store.finish(session, contact, outcome, tries=tries)
        metrics.CONTACTS.labels(outcome.value).inc()

    async def _again_at(
        self, entities: Entities, contact: Contact, outcome: Outcome, tries: int, ended: EndedCall
    ) -> datetime | None:
        ended_at = ended.ended_at or clock.now()
        if contact.campaign_id is None:
            return retry_rule(opened_request(self._secrets, contact.body)).again_at(outcome, tries, ended_at)
        campaign = (await entities.get(Kind.CAMPAIGN, contact.campaign_id)).body
        return None if campaign["status"] == ENDED else retry_rule(campaign).again_at(outcome, tries, ended_at)

    # ------------------------------------------------------------ campaigns

    async def _advance(self, campaign_id: str) -> None:
        now = clock.now()
        async with self._database.transaction() as session:
            campaign = await active_campaign(session, campaign_id)
            if campaign is None:
                return
            rules, entities = Rules.of(campaign.body), Entities(session, campaign.organisation_id)
            if rules.earliest is not None and now < rules.earliest:
                return
            if campaign.body["status"] == SCHEDULED:
                await entities.update(Kind.CAMPAIGN, campaign_id, {"status": IN_PROGRESS})
            if rules.latest is not None and now > rules.latest:
                await store.finish_waiting(session, campaign_id, Outcome.LATE, _LATE)
            if not await store.open_contacts(session, campaign_id):
                await entities.update(Kind.CAMPAIGN, campaign_id, {"status": ENDED, "endedReason": SUCCESS})
                return
            due = await self._claim(session, campaign, rules, now) if self._may_dial(campaign_id) else []
        self._begin(due)

    async def _claim(self, session: Any, campaign: Entity, rules: Rules, now: datetime) -> list[_Due]:
        """As many as the campaign's pace allows, of those who may be called at this time of their day."""
        live, last = await store.pace_of(session, campaign.id)
        beginnings = rules.pace.beginnings(now, live=live, last=last, horizon=timedelta(seconds=SWEEP_SECONDS))
        if not beginnings:
            return []
        claimed: list[_Due] = []
        for contact in await store.due_contacts(session, campaign.id, now, _AT_A_TIME):
            at = beginnings[len(claimed)]
            opens = rules.opens(contact.number, at)
            if opens is None:
                await store.finish(session, contact, Outcome.LATE, detail=_NEVER_OPEN)
            elif opens > at:
                await store.put_off(session, contact.id, opens)
            else:
                call = {"id": str(uuid4()), "campaignId": campaign.id}
                request = request_for(campaign.body, contact.body)
                if await store.claim(session, contact, call["id"], at):
                    claimed.append(_Due(contact, call, request, at, rules))
            if len(claimed) == len(beginnings):
                break
        return claimed

    # ------------------------------------------------------------ calls of the API, once more

    async def _claim_repeated(self) -> list[_Due]:
        claimed: list[_Due] = []
        now = clock.now()
        async with self._database.transaction() as session:
            for contact in await store.due_contacts(session, None, now, _AT_A_TIME):
                try:
                    request = opened_request(self._secrets, contact.body)
                except StoreError as error:
                    log.warning("call cannot be made again", call=contact.call_id, detail=str(error))
                    await store.finish(session, contact, Outcome.FAILED)
                    continue
                call = {"id": str(uuid4()), "retryOf": contact.id}
                if await store.claim(session, contact, call["id"], now):
                    claimed.append(_Due(contact, call, request, now, None))
        return claimed

    # ------------------------------------------------------------ dialling

    def _may_dial(self, campaign_id: str | None) -> bool:
        return self._attached() and self._held.get(campaign_id, clock.now()) <= clock.now()

    def _begin(self, due: list[_Due]) -> None:
        for one in due:
            task = asyncio.create_task(self._dial(one), name=f"call of {one.contact.campaign_id or 'the API'}")
            self._dialling.add(task)
            task.add_done_callback(self._dialling.discard)

    async def _dial(self, due: _Due) -> None:
        try:
            await asyncio.sleep((due.at - clock.now()).total_seconds())
            async with asyncio.timeout(_BEGIN_SECONDS):
                await self._dial_now(due)
        except Exception:  # who was not called is claimed anew when the lease is over
            log.exception("call of a campaign not begun", call=due.call["id"])

    async def _dial_now(self, due: _Due) -> None:
        contact = due.contact
        if due.rules is not None and not due.rules.open(contact.number, clock.now()):
            await self._give_back(due, clock.now(), "calling-hours")
            return
        try:
            await self._begins.begin_call(contact.organisation_id, due.request, due.call)
            metrics.CALLS.inc()
        except (TooManyCalls, Unavailable) as error:
            until = clock.now() + timedelta(seconds=error.retry_after or _NOT_NOW_SECONDS)
            self._held[contact.campaign_id] = until
            await self._give_back(due, until, "limit" if isinstance(error, TooManyCalls) else "unavailable")
        except Conflict as error:
            log.info("call began already", call=due.call["id"], detail=str(error))
        except ApiError as error:
            await self._refuse(due, error)

    async def _give_back(self, due: _Due, until: datetime, reason: str) -> None:
        metrics.PUT_OFF.labels(reason).inc()
        async with self._database.transaction() as session:
            await store.give_back(session, due.call["id"], until)

    async def _refuse(self, due: _Due, error: ApiError) -> None:
        """What cannot be called now can never be."""
        outcome = Outcome.FORBIDDEN if isinstance(error, Forbidden) else Outcome.FAILED
        async with self._database.transaction() as session:
            await store.refuse(session, due.call["id"], outcome, str(error))
        metrics.CONTACTS.labels(outcome.value).inc()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Let them end, and make those end that do not."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=_END_SECONDS)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=_END_SECONDS)
