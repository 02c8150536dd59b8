"""The session's errors as ours. Wire format: `error` events and `status_details.error` of a failed response, with
`type`, `code` and `message` (developers.openai.com/api/reference/resources/realtime/server-events)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
    ProviderUnavailable,
)

_BY_CODE: Mapping[str, type[ProviderError]] = {
    "insufficient_quota": ProviderQuota,
    "rate_limit_exceeded": ProviderRateLimit,
    "invalid_api_key": ProviderAuthentication,
    "conversation_already_has_active_response": ProviderUnavailable,
    "session_expired": ProviderUnavailable,
}
_BY_TYPE: Mapping[str, type[ProviderError]] = {
    "invalid_request_error": ProviderBadRequest,
    "authentication_error": ProviderAuthentication,
    "rate_limit_error": ProviderRateLimit,
    "insufficient_quota": ProviderQuota,
}


def response_error(who: str, error: Mapping[str, Any]) -> ProviderError:
    """The error for what the session complains about; one that may pass where it does not say more."""
    code, kind = str(error.get("code") or ""), str(error.get("type") or "")
    known = _BY_CODE.get(code) or _BY_TYPE.get(kind) or ProviderUnavailable
    message = " ".join(str(error.get("message") or code or kind or "no reason given").split())[:200]
    return known(f"{who} failed: {message.rstrip('.')}.")
