"""The bodies of requests about money that the documentation shows."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from gateway.analytics.query import AnalyticsBody
from gateway.api.cost_estimate import EstimateBody
from gateway.api.sentences import problems_of
from gateway.assistant.budget import Budget
from gateway.call.prices import Price
from tests.docs.pages import blocks

MODELS: dict[str, type[BaseModel]] = {
    "price": Price,
    "estimate": EstimateBody,
    "analytics": AnalyticsBody,
    "budget": Budget,
}


@pytest.mark.parametrize("kind", MODELS)
def test_bodies_are_without_a_mistake(kind: str) -> None:
    found = list(blocks(f"json {kind}"))
    assert found
    for block in found:
        assert problems_of(MODELS[kind], json.loads(block.text)) == [], block
