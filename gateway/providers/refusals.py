"""What a provider's refusal means: HTTP status, body and headers as one of our errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)

_BY_STATUS: Mapping[int, type[ProviderError]] = {
    401: ProviderAuthentication,
    402: ProviderQuota,
    403: ProviderAuthentication,
    408: ProviderTimeout,
    425: ProviderUnavailable,
    429: ProviderRateLimit,
    504: ProviderTimeout,
    529: ProviderUnavailable,  # Anthropic: overloaded
}
_NO_CREDIT = (
    "insufficient_quota",
    "quota_exceeded",
    "insufficient_credit",
    "payment_required",
    "out_of_credits",
    "credit balance is too low",
)
_WRONG_KEY = ("API key not valid", "API_KEY_INVALID")
"""Google answers 400."""
_COMPLAINT_KEYS = ("error", "message", "detail", "err_msg", "reason", "title", "errorMessage", "error_message")


def refusal(
    who: str, status: int, body: str | bytes = "", headers: Mapping[str, str] | None = None, *, key: str = ""
) -> ProviderError:
    """The error for an answer that is none.

    :param who: how the sentence begins, such as "The model gpt-4o of openai"
    :param status: HTTP status, also of a refused WebSocket handshake
    :param headers: looked at for Retry-After (RFC 9110, section 10.2.3)
    :param key: what was sent; some hosts repeat it in their answer, and ours does not
    """
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    text = text.replace(key, "***") if key else text
    kind = _BY_STATUS.get(status) or (ProviderUnavailable if status >= 500 else ProviderBadRequest)
    if any(word in text for word in _NO_CREDIT):
        kind = ProviderQuota
    if any(words in text for words in _WRONG_KEY):
        kind = ProviderAuthentication
    return kind(f"{who} answered {status}: {complaint(text)}.", retry_after=_retry_after(headers or {}))


def complaint(text: str) -> str:
    """The provider's reason out of its answer, at most 200 characters, without a full stop."""
    try:
        found = _message(json.loads(text))
    except ValueError:
        found = text
    return " ".join(found.split())[:200].rstrip(".") or "no reason given"


def _message(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return _message(content[0]) if content else ""
    if isinstance(content, dict):
        return next((_message(content[key]) for key in _COMPLAINT_KEYS if content.get(key)), "")
    return ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
