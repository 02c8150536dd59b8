"""A CSV file of numbers that are not called. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.campaigns.numbers import listed_number

_NUMBER = ("number", "phone", "phonenumber", "phone_number", "telephone", "msisdn")
_REASON = ("reason", "note", "comment")


@dataclass(frozen=True, slots=True)
class NumberFile:
    """`numbers` with their reasons; `faults` are sentences about lines that hold none."""

    numbers: dict[str, str | None]
    faults: Sequence[str]


def read_numbers(text: str) -> NumberFile:
    """The numbers of a file: of its column `number` (or `phone`), else of the first; `reason` may be another one.

    :param text: separated by commas, semicolons or tabs, or one number a line
    """
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator))
    except csv.Error as error:
        return NumberFile({}, [f"the file is no CSV: {error}"])
    names = [name.strip().lower() for name in rows[0]] if rows else []
    number_at = next((at for at, name in enumerate(names) if name in _NUMBER), None)
    reason_at = next((at for at, name in enumerate(names) if name in _REASON), None)
    numbers: dict[str, str | None] = {}
    faults = []
    for line, row in enumerate(rows, 1):
        if not any(map(str.strip, row)) or (line == 1 and number_at is not None):
            continue
        written = row[number_at or 0] if len(row) > (number_at or 0) else ""
        if (number := listed_number(written)) is None:
            faults.append(f"line {line} holds no number: {written[:40]!r}")
            continue
        reason = row[reason_at].strip() if reason_at is not None and len(row) > reason_at else ""
        numbers.setdefault(number, reason[:500] or None)
    return NumberFile(numbers, faults)
