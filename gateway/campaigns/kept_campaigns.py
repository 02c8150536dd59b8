"""A campaign in the store: made, ended, and told of with what became of its customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.campaigns.campaign import customers_of
from gateway.campaigns.retry import Outcome
from gateway.store import contacts as store
from gateway.store.campaigns import ACTIVE, ENDED, SCHEDULED
from gateway.store.columns import written
from gateway.store.contacts import Contact, ContactState, Progress
from gateway.store.entities import Entities, Entity, Kind

Body = dict[str, Any]
_BY_USER = "ended-by-user"
_STOPPED = "The campaign was ended."
_IN_CONTACTS = ("customers", "dialPlan")
"""Kept as contacts, and told from them."""
_COMPLETED = (Outcome.ANSWERED, Outcome.VOICEMAIL)
_SKIPPED = (Outcome.FORBIDDEN, Outcome.CANCELED, Outcome.LATE)


async def keep_campaign(session: AsyncSession, organisation_id: str, body: Mapping[str, Any]) -> Entity:
    """A new one, whose body was checked."""
    kept = {name: value for name, value in body.items() if name != "customers"}
    kept["status"] = SCHEDULED
    if "dialPlan" in kept:
        kept["dialPlan"] = [{"phoneNumberId": entry["phoneNumberId"]} for entry in kept["dialPlan"]]
    entity = await Entities(session, organisation_id).create(Kind.CAMPAIGN, kept)
    await store.add_contacts(session, organisation_id, entity.id, customers_of(body))
    return entity


async def end_campaign(session: AsyncSession, campaign: Entity) -> Entity:
    """Nobody else is called; calls that go on go on. One that has ended stays as it is."""
    status = campaign.body["status"]
    if status not in ACTIVE:
        return campaign
    await store.finish_waiting(session, campaign.id, Outcome.CANCELED, _STOPPED)
    changes = {"status": ENDED, "endedReason": f"campaign.{status}.{_BY_USER}"}
    return await Entities(session, campaign.organisation_id).update(Kind.CAMPAIGN, campaign.id, changes)


async def campaign_shown(session: AsyncSession, campaign: Entity) -> Body:
    """With its customers, its calls and what became of them."""
    progress = (await store.progress_of(session, [campaign.id])).get(campaign.id, Progress())
    calls = await store.campaign_calls(session, campaign.organisation_id, campaign.id)
    outcomes = await store.outcomes_of(session, campaign.id)
    contacts = await store.list_contacts(session, campaign.id)
    return {**campaign_counted(campaign, progress, calls), **_customers(campaign, contacts), "outcomes": dict(outcomes)}


def campaign_counted(campaign: Entity, progress: Progress, calls: Mapping[str, Body]) -> Body:
    """Without its customers."""
    return {
        **{name: value for name, value in campaign.shown().items() if name not in _IN_CONTACTS},
        "calls": dict(calls),
        "callsCounterScheduled": progress.scheduled,
        "callsCounterQueued": progress.queued,
        "callsCounterInProgress": progress.in_progress,
        "callsCounterEnded": progress.ended,
        "callsCounterEndedVoicemail": progress.voicemail,
    }


def _customers(campaign: Entity, contacts: Sequence[Contact]) -> Body:
    """As they were sent."""
    if "dialPlan" not in campaign.body:
        return {"customers": [one.body["customer"] for one in contacts]}
    plan: dict[str, list[Any]] = {entry["phoneNumberId"]: [] for entry in campaign.body["dialPlan"]}
    for one in contacts:
        plan[one.body["phoneNumberId"]].append(one.body["customer"])
    return {"dialPlan": [{"phoneNumberId": id_, "customers": customers} for id_, customers in plan.items()]}


def contact_shown(contact: Contact) -> Body:
    """Vapi's CampaignContactWithOutcome, with the outcome, how often it was called and when it is next."""
    shown: dict[str, Any] = {
        "id": contact.id,
        "number": contact.number or "",
        "name": contact.body["customer"].get("name"),
        "status": _status(contact),
        "callId": contact.call_id,
        "dispatchedAt": written(contact.claimed_at) if contact.claimed_at else None,
        "outcome": contact.outcome or None,
        "attempts": contact.tries,
        "detail": contact.detail,
        "dueAt": written(contact.due_at) if contact.state is ContactState.WAITING else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _status(contact: Contact) -> str:
    if contact.state is ContactState.WAITING:
        return "contact.pending"
    if contact.state is not ContactState.DONE:
        return "contact.dispatched"
    if contact.outcome in _COMPLETED:
        return "contact.completed"
    return "contact.skipped" if contact.outcome in _SKIPPED else "contact.failed"
