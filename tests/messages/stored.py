"""Calls in a database, as their events make them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from cryptography.fernet import Fernet

from gateway.messages.event import CallEvent
from gateway.messages.intake import Intake
from gateway.messages.links import Links
from gateway.messages.servers import Origins
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.events import NewEvent
from gateway.store.secrets import Secrets

SECRETS = Secrets(Fernet.generate_key())


def intake_of(database: Database, settings: Settings | None = None, **options: Any) -> Intake:
    """One process's."""
    return Intake(database, Origins(settings or Settings(), SECRETS), links=Links(), **options)


def new(events: Iterable[CallEvent]) -> list[NewEvent]:
    """As a gateway sends them."""
    return [NewEvent(e.call_id, e.sequence, e.at_ms, e.time_ms, e.kind, json.dumps(e.data)) for e in events]
