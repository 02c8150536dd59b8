from __future__ import annotations

from typing import Any

import pytest

from gateway.assistant.tool_plan import RejectionPlan
from gateway.tools.rejection import refusal
from tests.tools.scene import Scene

SAID = [("assistant", "Anything else?"), ("user", "No thanks, bye"), ("assistant", "Goodbye!")]
MESSAGES = [{"role": role, "content": text} for role, text in SAID]
BYE = {"type": "regex", "regex": r"(?i)\bbye\b", "target": {"role": "user"}}
NEVER = {"type": "liquid", "liquid": "false"}


def why(*conditions: dict[str, Any]) -> str:
    plan = RejectionPlan.model_validate({"conditions": list(conditions)})
    return refusal(plan, MESSAGES, {"name": "Ada"})


@pytest.mark.parametrize(
    ("conditions", "refused"),
    [
        ([], False),
        ([BYE], True),
        ([{**BYE, "negate": True}], False),
        ([{**BYE, "target": {"role": "assistant"}}], False),
        ([{**BYE, "target": {"role": "assistant", "position": 0}, "regex": "else"}], True),
        ([{**BYE, "target": {"role": "user", "position": -2}}], False),
        ([{**BYE, "target": {"role": "user", "position": -2}, "negate": True}], True),
        ([{"type": "regex", "regex": "Goodbye"}], True),
        ([BYE, NEVER], False),
        ([{"type": "group", "operator": "OR", "conditions": [NEVER, BYE]}], True),
        ([{"type": "group", "operator": "AND", "conditions": [NEVER, BYE]}], False),
        ([{"type": "group", "operator": "AND", "conditions": []}], False),
        ([{"type": "liquid", "liquid": "{{ messages[1].content contains 'thanks' }}"}], False),
        ([{"type": "liquid", "liquid": "{% if messages[1].content contains 'thanks' %}true{% endif %}"}], True),
        (
            [{"type": "liquid", "liquid": "{% assign l = messages | last: 2 %}{% if l.size == 2 %}true{% endif %}"}],
            True,
        ),
        ([{"type": "liquid", "liquid": "{% if name == 'Ada' %}true{% else %}false{% endif %}"}], True),
        ([{"type": "liquid", "liquid": "true, or so"}], False),
    ],
)
def test_a_call_is_refused_when_all_conditions_hold(conditions: list[dict[str, Any]], refused: bool) -> None:
    assert bool(why(*conditions)) is refused


async def test_the_model_is_told_why_and_nothing_is_done() -> None:
    tool = {"type": "endCall", "rejectionPlan": {"conditions": [{**BYE, "negate": True, "regex": "farewell"}]}}
    scene = Scene(tool, said=SAID)
    outcome = await scene.use("endCall")
    assert (outcome.ok, outcome.ended_reason) == (False, "")
    assert outcome.result == (
        "The tool endCall was not used, because the last message of the user does not match /farewell/."
    )
