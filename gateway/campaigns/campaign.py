"""A campaign as its rules: read of what is kept, which was checked when it came. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.campaigns.calling_hours import DAYS, CallingHours, zones_of
from gateway.campaigns.numbers import listed_number
from gateway.campaigns.pacing import DEFAULT_AT_ONCE, Pace
from gateway.campaigns.retry import NO_RETRY, Outcome, RetryRule

Body = Mapping[str, Any]
_REQUESTED = ("assistantId", "squadId", "assistantOverrides", "squadOverrides", "name")
"""Fields that its calls have of it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When and how fast a campaign calls, and whom again. `zone` is where customers are whose number does not tell."""

    earliest: datetime | None
    latest: datetime | None
    pace: Pace
    hours: CallingHours
    zone: ZoneInfo | None
    retry: RetryRule

    @classmethod
    def of(cls, body: Body) -> Rules:
        """Of a campaign's body."""
        plan, hours = _part(body, "schedulePlan"), _part(body, "callingHours")
        return cls(
            _time(plan.get("earliestAt")),
            _time(plan.get("latestAt")),
            Pace(int(body.get("maxConcurrency") or DEFAULT_AT_ONCE), _part(body, "pacing").get("callsPerMinute")),
            calling_hours(hours),
            ZoneInfo(hours["timeZone"]) if hours.get("timeZone") else None,
            retry_rule(body),
        )

    def zones(self, number: str | None) -> Sequence[ZoneInfo]:
        """Where a customer may be."""
        found = zones_of(listed_number(number) or "") if number else ()
        return found or ((self.zone,) if self.zone else ())

    def open(self, number: str | None, at: datetime) -> bool:
        """Whether a customer may be called."""
        return self.hours.open(at, self.zones(number))

    def opens(self, number: str | None, at: datetime) -> datetime | None:
        """When a customer may be called, `at` or later; None for never."""
        return self.hours.next_open(at, self.zones(number))


def retry_rule(body: Body) -> RetryRule:
    """Of a campaign, or of the request for a call."""
    rule = _part(body, "retry")
    if not rule:
        return NO_RETRY
    after = {
        Outcome(name): timedelta(seconds=seconds)
        for name, seconds in _part(rule, "after").items()
        if name in list(Outcome) and seconds is not None
    }
    return RetryRule(int(rule.get("attempts") or 1), after)


def calling_hours(hours: Body) -> CallingHours:
    """Those of a body, for what it leaves open the usual ones: 08:00 to 21:00 on all days."""
    days = hours.get("days") or DAYS
    return CallingHours(
        _minutes(hours.get("start") or "08:00"),
        _minutes(hours.get("end") or "21:00"),
        frozenset(DAYS.index(day) for day in days),
        frozenset(date.fromisoformat(day) for day in hours.get("holidays") or ()),
    )


def customers_of(body: Body) -> Sequence[dict[str, Any]]:
    """{customer, phoneNumberId} of each, in the order in which they are called."""
    number_id = body.get("phoneNumberId")
    plan = body.get("dialPlan") or [{"phoneNumberId": number_id, "customers": body.get("customers") or []}]
    return [
        {"customer": customer, **({"phoneNumberId": entry["phoneNumberId"]} if entry.get("phoneNumberId") else {})}
        for entry in plan
        for customer in entry["customers"]
    ]


def request_for(campaign: Body, contact: Body) -> dict[str, Any]:
    """What POST /call would be sent for a customer of a campaign."""
    asked = {name: campaign[name] for name in _REQUESTED if campaign.get(name) is not None}
    number_id = contact.get("phoneNumberId") if campaign.get("dialPlan") else campaign.get("phoneNumberId")
    return {**asked, "customer": contact["customer"], **({"phoneNumberId": number_id} if number_id else {})}


def _part(body: Body, name: str) -> Body:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
