"""How numbers are compared with the do-not-call list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import phonenumbers
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import Forbidden
from gateway.store.do_not_call import is_listed
from gateway.store.phone_numbers import normal_number, normal_sip_uri, user_of


def listed_number(written: str) -> str | None:
    """A number or SIP URI as the list keeps it; None for what is neither.

    +1 (555) 123-4567, 001 555 1234567 and tel:15551234567 are +15551234567: digits are a number with its country code.
    """
    text = written.strip().removeprefix("tel:")
    if text.lower().startswith(("sip:", "sips:")):
        uri = normal_sip_uri(text)
        return _telephone(user_of(uri) or "") or (uri if "@" in uri else None)
    return _telephone(text)


def _telephone(text: str) -> str | None:
    """In E.164, where it can be one."""
    number = normal_number(text)
    digits = number.removeprefix("+").removeprefix("00") if not number.startswith("+") else number[1:]
    if not digits.isascii() or not digits.isdigit() or not 3 <= len(digits) <= 20:
        return None
    try:
        parsed = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return f"+{digits}"
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


async def require_unlisted(session: AsyncSession, organisation_id: str, customer: Mapping[str, Any] | None) -> None:
    """:raises Forbidden: the organisation does not call this customer"""
    for name in ("number", "sipUri"):
        number = listed_number(str((customer or {}).get(name) or ""))
        if number is not None and await is_listed(session, organisation_id, number):
            raise Forbidden(
                f"{number} is on the do-not-call list and is not called; "
                "DELETE /do-not-call/NUMBER or `parley dnc remove` take a number off it."
            )
