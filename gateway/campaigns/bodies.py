"""What requests say of campaigns, of calling again and of the do-not-call list."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from gateway.api.bodies import Body, CustomerBody, Id, Name, SchedulePlanBody, ServerBody

MOST_CUSTOMERS = 10_000
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Minute = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones, such as Europe
        raise ValueError("must be the name of a time zone, such as Europe/Oslo") from None
    return name


def _date(text: object) -> object:
    try:
        date.fromisoformat(str(text))
    except ValueError:
        raise ValueError("must be a day, such as 2026-12-25") from None
    return text


class DialPlanEntryBody(Body):
    """Customers that are called through one number."""

    phone_number_id: Id
    customers: list[CustomerBody] = Field(min_length=1, max_length=MOST_CUSTOMERS)


class PacingBody(Body):
    """How fast calls begin."""

    calls_per_minute: float | None = Field(default=None, gt=0, le=6000)


class CallingHoursBody(Body):
    """Hours of the day where the customer is; `timeZone` is for those of whom no number tells it."""

    start: Minute = "08:00"
    end: Minute = "21:00"
    days: list[Day] | None = Field(default=None, min_length=1)
    holidays: list[Annotated[str, BeforeValidator(_date)]] | None = Field(default=None, max_length=1000)
    time_zone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)] | None = None

    @model_validator(mode="after")
    def _forwards(self) -> CallingHoursBody:
        if self.start >= self.end:
            raise ValueError("end must be later than start")
        return self


class RetryAfterBody(Body):
    """Seconds from the end of a call to the next one, by what became of it."""

    busy: float | None = Field(default=None, ge=1, le=604_800)
    no_answer: float | None = Field(default=None, ge=1, le=604_800, alias="no-answer")
    failed: float | None = Field(default=None, ge=1, le=604_800)
    voicemail: float | None = Field(default=None, ge=1, le=604_800)


class RetryBody(Body):
    """Who was not reached is called again: `attempts` calls in all."""

    attempts: int = Field(ge=2, le=20)
    after: RetryAfterBody


class CampaignChangeBody(Body):
    """What may be changed of a campaign."""

    name: Name | None = None
    assistant_id: Id | None = None
    squad_id: Id | None = None
    workflow_id: Id | None = None
    phone_number_id: Id | None = None
    schedule_plan: SchedulePlanBody | None = None
    max_concurrency: int | None = Field(default=None, ge=1, le=10_000)
    assistant_overrides: dict[str, Any] | None = None
    squad_overrides: dict[str, Any] | None = None
    pacing: PacingBody | None = None
    calling_hours: CallingHoursBody | None = None
    retry: RetryBody | None = None
    status: Literal["ended", "cancelled"] | None = None


class CampaignBody(Body):
    """A campaign: who speaks, through which number, to whom, when and how fast."""

    name: Name
    assistant_id: Id | None = None
    squad_id: Id | None = None
    workflow_id: Id | None = None
    phone_number_id: Id | None = None
    dial_plan: list[DialPlanEntryBody] | None = Field(default=None, min_length=1)
    customers: list[CustomerBody] | None = Field(default=None, min_length=1, max_length=MOST_CUSTOMERS)
    schedule_plan: SchedulePlanBody | None = None
    max_concurrency: int | None = Field(default=None, ge=1, le=10_000)
    assistant_overrides: dict[str, Any] | None = None
    squad_overrides: dict[str, Any] | None = None
    pacing: PacingBody | None = None
    calling_hours: CallingHoursBody | None = None
    retry: RetryBody | None = None
    server: ServerBody | None = None
    server_messages: list[str] | None = None


class DoNotCallBody(Body):
    """A number that nobody calls, or several."""

    number: str | None = None
    numbers: list[str] | None = Field(default=None, min_length=1, max_length=100_000)
    reason: str | None = Field(default=None, max_length=500)
