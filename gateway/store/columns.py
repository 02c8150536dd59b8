"""Types of columns that are the same in SQLite and PostgreSQL, and what may go into them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

from gateway.errors import BadRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MILLION = Decimal(1_000_000)
_LONGEST = 255
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Moment(TypeDecorator[datetime]):
    """A time in UTC to the millisecond, kept as milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else milliseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else moment(value)


class Dollars(TypeDecorator[Decimal]):
    """USD to a millionth, kept as a whole number of them, so that sums are exact."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int((value * _MILLION).to_integral_value())

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else value / _MILLION


def milliseconds(at: datetime) -> int:
    """Since 1970."""
    return (at - _EPOCH) // _MILLISECOND


def moment(ms: int) -> datetime:
    """The UTC time `ms` after the beginning of 1970."""
    return _EPOCH + ms * _MILLISECOND


def written(at: datetime) -> str:
    """As Vapi writes times: 2026-11-23T01:02:03.004Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(value: Any) -> str:
    """JSON that both databases keep.

    :raises BadRequest: a NUL character, or a number that is not finite
    """
    try:
        text = _encode(value)
    except ValueError:
        raise BadRequest("A number is infinite or not a number: JSON has no such numbers.") from None
    if "\\u0000" in text and _NUL.search(text):
        raise BadRequest("A text holds the character NUL (\\u0000): leave it out.")
    return text


def searchable(value: Any) -> str | None:
    """A text as it stands in a column that is searched; None for what is no text, or cannot be one there."""
    if not isinstance(value, str) or "\0" in value or len(value) > _LONGEST:
        return None
    return value if value.isascii() or _is_encodable(value) else None


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
