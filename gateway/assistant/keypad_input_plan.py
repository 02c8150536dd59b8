"""`keypadInputPlan` as Vapi has it: how keys that the caller presses become a turn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gateway.assistant.section import Section, listed


class KeypadInputPlan(Section):
    """Keys are taken when a delimiter is pressed, or after the timeout; 0 waits for the delimiter."""

    enabled: bool = True
    timeout_seconds: float = Field(default=2, ge=0, le=10)
    delimiters: Annotated[tuple[Literal["#", "*"], ...], BeforeValidator(listed)] = ("#",)
