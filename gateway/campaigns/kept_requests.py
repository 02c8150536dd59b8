"""Requests for calls that may be made again, kept encrypted: they hold the secrets of what they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.store.secrets import Secrets

_FIELD = "secret"
_REPEATED = (
    *("assistantId", "assistant", "assistantOverrides", "squadId", "squad", "squadOverrides", "name", "customer"),
    *("phoneNumberId", "transport", "retry"),
)
"""Of a Call that has not begun; its schedulePlan is for the first one."""


def kept_request(secrets: Secrets, call: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a call that was asked for."""
    request = {name: call[name] for name in _REPEATED if call.get(name) is not None}
    return secrets.sealed({_FIELD: request})


def opened_request(secrets: Secrets, kept: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request for a further call."""
    request = secrets.opened(kept)[_FIELD]
    return request if isinstance(request, Mapping) else {}
