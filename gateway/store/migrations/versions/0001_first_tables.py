"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _organisations()
    _api_keys()
    _call_events()
    _calls()
    _deliveries()
    _entities()
    _idempotency_keys()


def _organisations() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
    )
    op.create_index("api_keys_of_organisation", "api_keys", ["organisation_id", "created_at"], unique=False)


def _call_events() -> None:
    op.create_table(
        "call_events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("call_id", "sequence", name="call_events_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("call_events_of_organisation", "call_events", ["organisation_id", "position"], unique=False)


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("assistant_id", sa.String(), nullable=True),
        sa.Column("squad_id", sa.String(), nullable=True),
        sa.Column("phone_number_id", sa.String(), nullable=True),
        sa.Column("customer_number", sa.String(), nullable=True),
        sa.Column("gateway", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_at", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_reason", sa.String(), nullable=True),
        sa.Column("success_evaluation", sa.String(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("cost_transport", sa.BigInteger(), nullable=True),
        sa.Column("cost_stt", sa.BigInteger(), nullable=True),
        sa.Column("cost_llm", sa.BigInteger(), nullable=True),
        sa.Column("cost_tts", sa.BigInteger(), nullable=True),
        sa.Column("cost_vapi", sa.BigInteger(), nullable=True),
        sa.Column("cost_analysis", sa.BigInteger(), nullable=True),
        sa.Column("cost_summary", sa.BigInteger(), nullable=True),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=True),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=True),
        sa.Column("cached_prompt_tokens", sa.BigInteger(), nullable=True),
        sa.Column("characters", sa.BigInteger(), nullable=True),
        sa.Column("variables", sa.JSON(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("calls_by_assistant", "calls", ["organisation_id", "assistant_id", "created_at"], unique=False)
    op.create_index("calls_by_creation", "calls", ["organisation_id", "created_at", "id"], unique=False)
    op.create_index(
        "calls_by_phone_number", "calls", ["organisation_id", "phone_number_id", "created_at"], unique=False
    )
    op.create_index("calls_by_start", "calls", ["organisation_id", "started_at"], unique=False)
    op.create_index("calls_by_status", "calls", ["status", "created_at"], unique=False)
    op.create_index("calls_by_update", "calls", ["organisation_id", "updated_at", "id"], unique=False)


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("server", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )
    op.create_index("deliveries_by_state", "deliveries", ["organisation_id", "state", "position"], unique=False)
    op.create_index(
        "deliveries_due",
        "deliveries",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "deliveries_in_order",
        "deliveries",
        ["stream", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("deliveries_of_call", "deliveries", ["call_id", "position"], unique=False)


def _entities() -> None:
    op.create_table(
        "entities",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("sip_uri", sa.String(), nullable=True),
        sa.Column("assistant_id", sa.String(), nullable=True),
        sa.Column("squad_id", sa.String(), nullable=True),
        sa.Column("session_id", sa.String(), nullable=True),
        sa.Column("previous_chat_id", sa.String(), nullable=True),
        sa.Column("phone_number_id", sa.String(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("entities_by_creation", "entities", ["organisation_id", "kind", "created_at", "id"], unique=False)
    op.create_index("entities_by_name", "entities", ["organisation_id", "kind", "name"], unique=False)
    op.create_index("entities_by_session", "entities", ["session_id"], unique=False)
    op.create_index("entities_by_update", "entities", ["organisation_id", "kind", "updated_at", "id"], unique=False)
    op.create_index(
        "phone_numbers_by_number",
        "entities",
        ["number"],
        unique=True,
        sqlite_where=sa.text("kind = 'phone-number' AND number IS NOT NULL"),
        postgresql_where=sa.text("kind = 'phone-number' AND number IS NOT NULL"),
    )
    op.create_index(
        "phone_numbers_by_sip_uri",
        "entities",
        ["sip_uri"],
        unique=True,
        sqlite_where=sa.text("kind = 'phone-number' AND sip_uri IS NOT NULL"),
        postgresql_where=sa.text("kind = 'phone-number' AND sip_uri IS NOT NULL"),
    )


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("organisation_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("organisation_id", "key"),
    )
    op.create_index("idempotency_keys_by_creation", "idempotency_keys", ["created_at"], unique=False)
