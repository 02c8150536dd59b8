"""What the pages about squads and live control show works."""

from __future__ import annotations

import json

from gateway.assistant.call_plan import Member
from gateway.assistant.reading import read_assistant
from gateway.conversation.live_control import read_control
from gateway.conversation.squad import Squad
from tests.docs.pages import Block
from tests.docs.test_examples import each


@each("json", "squad")
def test_the_members_of_a_squad_find_each_other(block: Block) -> None:
    members = json.loads(block.text)["members"]
    squad = Squad([Member(assistant=member["assistant"]) for member in members])
    for member in members:
        assert not read_assistant(member["assistant"]).warnings
        for destination in member.get("assistantDestinations", ()):
            assert squad.name(squad.choose(destination).member) == destination["assistantName"]


@each("json", "control")
def test_live_control_understands_the_messages(block: Block) -> None:
    message = json.loads(block.text)
    assert read_control(message).type == message["type"]
