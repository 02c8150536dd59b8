"""The settings that all language models of servers share."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from gateway.providers.options import ProviderOptions


class ModelOptions(ProviderOptions):
    """`timeout_seconds` is ours: it bounds connecting, and the wait for each further piece of the answer.

    `temperature` and `max_tokens` go to the server only when given; without them its own defaults hold.
    """

    UNUSED: ClassVar[frozenset[str]] = frozenset(
        {"tool_ids", "tool_refs", "knowledge_base", "emotion_recognition_enabled", "num_fast_turns"}
    )

    model: str = Field(min_length=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1, le=100_000)
    timeout_seconds: float = Field(default=10, gt=0, le=300)

    tool_ids: list[str] | None = None
    tool_refs: list[Any] | None = None
    knowledge_base: dict[str, Any] | None = None
    emotion_recognition_enabled: bool | None = None
    num_fast_turns: int | None = None
