"""What a call cost, row by row."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.call.costs import Cost
from gateway.call.record import CallRecord


def bill(record: CallRecord) -> Iterator[str]:
    """The rows with their amounts, and the sum where there is more than nothing to pay."""
    for row in record.costs:
        yield f"{_what(row):34} {_amount(row):>40}   {_dollars(row)}"
    if record.costs:
        unknown = sum(row.note is not None for row in record.costs)
        more = f", and {unknown} without a known price" if unknown else ""
        yield f"{'cost':34} {'':>40}   ${record.cost:.6f}{more}"


def _what(row: Cost) -> str:
    named = row.transcriber or row.model or row.voice or {}
    name = " ".join(dict.fromkeys(named.values())) or {"transport": "line", "vapi": "platform"}[row.type]
    return name if row.type in ("transport", "vapi") else f"{row.type} {name}"


def _amount(row: Cost) -> str:
    parts = []
    if row.prompt_tokens is not None:
        cached = f" ({row.cached_prompt_tokens} cached)" if row.cached_prompt_tokens else ""
        parts.append(f"{row.prompt_tokens} + {row.completion_tokens} tokens{cached}")
    if row.characters is not None:
        parts.append(f"{row.characters} characters")
    if row.minutes is not None:
        parts.append(f"{row.minutes:.2f} min")
    return ", ".join(parts)


def _dollars(row: Cost) -> str:
    return f"${row.cost:.6f}" if row.note is None else "price not known"
