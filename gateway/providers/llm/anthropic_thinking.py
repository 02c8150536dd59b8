"""Which of Anthropic's models think unless they are told not to, and which cannot be told.

Follows https://platform.claude.com/docs/en/build-with-claude/thinking and the migration guides of the models.
"""

from __future__ import annotations

import re
from typing import Any

_VERSION = re.compile(r"claude-(?P<family>[a-z]+)-(?P<major>\d)(?:-(?P<minor>\d))?(?!\d)")


def thinking_fields(model: str, *, budget: int | None, temperature: float | None) -> dict[str, Any]:
    """The fields of a request that depend on how the model thinks.

    :param budget: tokens of thought that the assistant wants, None for as little as the model allows
    """
    family, version = _known(model)
    always = family in ("fable", "mythos") or (family == "opus" and version >= (5, 5))
    if version < (4, 7) and not always:
        if budget is not None:  # It refuses a temperature then.
            return {"thinking": {"type": "enabled", "budget_tokens": budget}}
        return {} if temperature is None else {"temperature": min(temperature, 1.0)}
    if budget is not None:
        return {"thinking": {"type": "adaptive"}}
    if always:
        return {"output_config": {"effort": "low"}}
    if version < (5, 0):
        return {}
    return {"thinking": {"type": "between_tools" if family == "sonnet" and version >= (5, 5) else "disabled"}}


def _known(model: str) -> tuple[str, tuple[int, int]]:
    """Family and version; a name of another form, such as claude-3-haiku, is an old one."""
    found = _VERSION.search(model)
    if found is None:
        return "", (3, 0)
    return found["family"], (int(found["major"]), int(found["minor"] or 0))
