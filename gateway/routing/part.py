"""What the parts of a route are made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class RoutePart(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
