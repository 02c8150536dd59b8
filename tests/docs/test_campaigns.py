"""The bodies in docs/campaigns.md are taken as they stand."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from gateway.api.calls import CallBody
from gateway.api.sentences import problems_of
from gateway.campaigns.bodies import CallingHoursBody, CampaignBody
from gateway.campaigns.calling_hours import DAYS
from gateway.campaigns.campaign import Rules
from tests.docs.pages import blocks

MODELS: dict[str, type[BaseModel]] = {"campaign": CampaignBody, "hours": CallingHoursBody}


@pytest.mark.parametrize("mark", MODELS)
def test_bodies_are_without_a_mistake(mark: str) -> None:
    (block,) = [one for one in blocks("json", mark) if "campaigns.md" in str(one)]
    assert problems_of(MODELS[mark], json.loads(block.text)) == []


def test_the_call_that_is_made_again_is_without_a_mistake() -> None:
    (block,) = [one for one in blocks("json", "call") if "campaigns.md" in str(one)]
    assert problems_of(CallBody, json.loads(block.text)) == []


def test_the_campaign_is_read_as_the_page_says() -> None:
    (block,) = blocks("json", "campaign")
    rules = Rules.of(json.loads(block.text))
    assert rules.pace.between.total_seconds() == 3
    assert (rules.hours.start, rules.hours.end) == (9 * 60, 19 * 60)
    assert {DAYS[day] for day in rules.hours.days} == set(DAYS[:5])
    assert rules.retry.attempts == 3
