"""What a call may cost. Parley's own field: Vapi has none."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gateway.assistant.section import Section, Spoken


class Budget(Section):
    """When a call has cost `max_cost` USD, `message` is said, and the call ends, or goes on with another `model` of the
    same provider."""

    max_cost: float = Field(gt=0, le=1_000_000)
    action: Literal["end", "downgrade"] = "end"
    model: str = Field(default="", max_length=255)
    message: Spoken | None = None

    @model_validator(mode="after")
    def _model_of_downgrade(self) -> Self:
        if self.action == "downgrade" and not self.model:
            raise ValueError("must name the model with which the call goes on")
        return self
