"""The tables. Migrations (`migrations/versions/`) make them; a test holds both together.

Rows carry what the caller sent as JSON, and beside it the columns that queries ask for. Every row belongs to an
organisation. Indexes end in what a query orders by.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gateway.store.columns import Dollars, Moment

metadata = MetaData()

Position = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database counts up; SQLite does so for its own integer type only."""
Document = JSON(none_as_null=True)


def _organisation() -> Column[str]:
    return Column("organisation_id", String, ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False)


organisations = Table(
    "organisations",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("is_default", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("body", Document, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    _organisation(),
    Column("name", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("hash", String, nullable=False, unique=True),
    Column("prefix", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_used_at", Moment),
    Column("revoked_at", Moment),
    Index("api_keys_of_organisation", "organisation_id", "created_at"),
)

entities = Table(
    "entities",
    metadata,
    Column("id", String, primary_key=True),
    _organisation(),
    Column("kind", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("name", String),
    Column("provider", String),
    Column("number", String),
    Column("sip_uri", String),
    Column("assistant_id", String),
    Column("squad_id", String),
    Column("session_id", String),
    Column("previous_chat_id", String),
    Column("phone_number_id", String),
    Column("body", Document, nullable=False),
    Index("entities_by_creation", "organisation_id", "kind", "created_at", "id"),
    Index("entities_by_update", "organisation_id", "kind", "updated_at", "id"),
    Index("entities_by_name", "organisation_id", "kind", "name"),
    Index("entities_by_session", "session_id"),
    Index(
        "phone_numbers_by_number",
        "number",
        unique=True,
        sqlite_where=text("kind = 'phone-number' AND number IS NOT NULL"),
        postgresql_where=text("kind = 'phone-number' AND number IS NOT NULL"),
    ),
    Index(
        "phone_numbers_by_sip_uri",
        "sip_uri",
        unique=True,
        sqlite_where=text("kind = 'phone-number' AND sip_uri IS NOT NULL"),
        postgresql_where=text("kind = 'phone-number' AND sip_uri IS NOT NULL"),
    ),
)

calls = Table(
    "calls",
    metadata,
    Column("id", String, primary_key=True),
    _organisation(),
    Column("type", String, nullable=False),
    Column("status", String, nullable=False),
    Column("name", String),
    Column("assistant_id", String),
    Column("squad_id", String),
    Column("phone_number_id", String),
    Column("campaign_id", String),
    Column("customer_number", String),
    Column("gateway", String),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("scheduled_at", Moment),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("duration_ms", BigInteger),
    Column("ended_reason", String),
    Column("success_evaluation", String),
    Column("cost", Dollars),
    Column("cost_transport", Dollars),
    Column("cost_stt", Dollars),
    Column("cost_llm", Dollars),
    Column("cost_tts", Dollars),
    Column("cost_vapi", Dollars),
    Column("cost_analysis", Dollars),
    Column("cost_summary", Dollars),
    Column("prompt_tokens", BigInteger),
    Column("completion_tokens", BigInteger),
    Column("cached_prompt_tokens", BigInteger),
    Column("characters", BigInteger),
    Column("variables", Document),
    Column("body", Document, nullable=False),
    Index("calls_by_creation", "organisation_id", "created_at", "id"),
    Index("calls_by_update", "organisation_id", "updated_at", "id"),
    Index("calls_by_assistant", "organisation_id", "assistant_id", "created_at"),
    Index("calls_by_phone_number", "organisation_id", "phone_number_id", "created_at"),
    Index("calls_by_campaign", "campaign_id", "created_at"),
    Index("calls_by_start", "organisation_id", "started_at"),
    Index("calls_by_status", "status", "created_at"),
)

call_events = Table(
    "call_events",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    _organisation(),
    Column("call_id", String, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("data", Text, nullable=False),
    UniqueConstraint("call_id", "sequence", name="call_events_once"),
    Index("call_events_of_organisation", "organisation_id", "position"),
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    _organisation(),
    Column("stream", String, nullable=False),
    Column("call_id", String),
    Column("type", String, nullable=False),
    Column("server", Document, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("attempts", Integer, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Index(
        "deliveries_due",
        "due_at",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index(
        "deliveries_in_order",
        "stream",
        "position",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index("deliveries_by_state", "organisation_id", "state", "position"),
    Index("deliveries_of_call", "call_id", "position"),
    sqlite_autoincrement=True,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column(
        "organisation_id", String, ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True, nullable=False
    ),
    Column("key", String, primary_key=True),
    Column("request_hash", String, nullable=False),
    Column("call_id", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("idempotency_keys_by_creation", "created_at"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", String, primary_key=True),
    _organisation(),
    Column("campaign_id", String),
    Column("position", Integer, nullable=False),
    Column("number", String),
    Column("state", String, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("claimed_at", Moment),
    Column("attempts", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("call_id", String),
    Column("outcome", String),
    Column("detail", Text),
    Column("body", Document, nullable=False),
    UniqueConstraint("campaign_id", "position", name="contacts_once"),
    Index("contacts_by_state", "state", "due_at"),
    Index("contacts_of_campaign", "campaign_id", "state", "due_at"),
    Index("contacts_by_call", "call_id"),
)

do_not_call = Table(
    "do_not_call",
    metadata,
    Column(
        "organisation_id", String, ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True, nullable=False
    ),
    Column("number", String, primary_key=True),
    Column("reason", Text),
    Column("created_at", Moment, nullable=False),
    Index("do_not_call_by_creation", "organisation_id", "created_at"),
)

gateways = Table(
    "gateways",
    metadata,
    Column("name", String, primary_key=True),
    Column("seen_at", Moment, nullable=False),
)
