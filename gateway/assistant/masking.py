"""An assistant as a record may keep it: without what opens a door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SECRET = frozenset(
    {
        *("secret", "serverUrlSecret", "apiKey", "apiSecret", "authToken", "token", "password", "authPassword"),
        *("twilioAuthToken", "secretKey", "clientSecret", "credentials", "authenticationPlan", "environmentVariables"),
    }
)
_HEADERS = "headers"
MASK = "***"


def without_secrets(value: Any) -> Any:
    """JSON without the values of secrets: those fields are left out, and the values of request headers are masked.

    A JSON schema under the name of `headers` (of an apiRequest tool) keeps its shape.
    """
    if isinstance(value, list):
        return [without_secrets(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: _masked(inner) if key == _HEADERS and isinstance(inner, Mapping) else without_secrets(inner)
        for key, inner in value.items()
        if key not in _SECRET or not isinstance(inner, str | list | Mapping)
    }


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: inner if key == "type" else _masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(one) for one in value]
    return MASK if isinstance(value, str) else value
