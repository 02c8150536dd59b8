"""Which of OpenAI's models think before they answer, and what they take and refuse.

Follows https://platform.openai.com/docs/guides/reasoning: `max_tokens` is `max_completion_tokens` there, and a
temperature is refused while they think.
"""

from __future__ import annotations

import re
from typing import Any

_NEW = re.compile(r"(?:.*/)?(?:(?P<o>o)\d|gpt-[5-9](?P<minor>\.\d+)?|chat-latest)(?![a-z0-9])")
"""Models that refuse `max_tokens`."""
_NO_CHOICE = ("chat", "-pro", "codex")
"""In names of variants that take no effort, or not the least."""


def limits(model: str, *, temperature: float | None, max_tokens: int | None, effort: str | None) -> dict[str, Any]:
    """The fields of a request that depend on whether the model thinks.

    :param model: its name; routers put the maker before it, as in "openai/gpt-5-mini"
    :param effort: what the assistant wants, None for the least that the model allows: the caller is waiting
    """
    found = _NEW.match(model)
    if found is None:
        return {"temperature": temperature, "max_tokens": max_tokens, "reasoning_effort": effort}
    chosen = effort or _least(found, model)
    thinks = chosen != "none" and "chat" not in model
    return {
        "temperature": None if thinks else temperature,
        "max_completion_tokens": max_tokens,
        "reasoning_effort": chosen,
    }


def _least(found: re.Match[str], model: str) -> str | None:
    if any(variant in model for variant in _NO_CHOICE):
        return None
    if found["o"]:
        return "low"
    return "none" if found["minor"] else "minimal"
