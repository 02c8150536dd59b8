from __future__ import annotations

from typing import Any

import pytest

from gateway.assistant.call_plan import Member
from gateway.conversation.squad import Squad, member_shown
from gateway.errors import UnknownMember


def member(name: str, **fields: Any) -> Member:
    return Member(name=name, assistant_id=f"id-{name}", assistant={"name": name, **fields})


def squad(*names: str) -> Squad:
    return Squad([member(name) for name in names])


def test_a_member_is_found_by_its_name_or_its_id() -> None:
    team = squad("Desk", "Sales")
    assert team.choose({"type": "assistant", "assistantName": "Sales"}).member == 1
    assert team.choose({"type": "assistant", "assistantName": " sales "}).member == 1
    assert team.choose({"type": "assistant", "assistantId": "id-Desk"}).member == 0


@pytest.mark.parametrize(
    "destination",
    [
        {"type": "assistant", "assistantName": "Billing"},
        {"type": "assistant", "assistantId": "id-Billing"},
        {"type": "assistant"},
        {"type": "squad", "squadId": "s"},
        {"type": "squad", "squad": {"members": []}},
        {"type": "squad", "squad": {"members": [{"assistantId": "id-Billing"}]}},
    ],
)
def test_who_is_not_there_is_said_with_those_who_are(destination: dict[str, Any]) -> None:
    with pytest.raises(UnknownMember) as raised:
        squad("Desk", "Sales").choose(destination)
    assert "Desk, Sales" in str(raised.value) or "squad" in str(raised.value)


def test_overrides_make_another_member_and_the_same_ones_the_same() -> None:
    team = squad("Desk", "Sales")
    destination = {"assistantName": "Sales", "assistantOverrides": {"firstMessage": "Again."}}
    choice = team.choose(destination)
    assert (choice.member, choice.added[0].assistant["firstMessage"]) == (2, "Again.")
    team.add(choice.added)
    assert team.choose(destination).member == 2
    assert team.choose(destination).added == ()


def test_a_squad_of_a_destination_brings_its_members_and_says_who_begins() -> None:
    inner = {"members": [{"assistantId": "id-Sales"}, {"assistant": {"name": "Tax"}, "assistantDestinations": []}]}
    team = squad("Desk", "Sales")
    choice = team.choose({"type": "squad", "squad": inner, "entryAssistantName": "Tax"})
    team.add(choice.added)
    assert team.name(choice.member) == "Tax"
    assert len(team) == 4


def test_a_journal_gives_a_transient_member_back_with_its_secrets() -> None:
    transient = {"name": "Night", "server": {"url": "https://x.example", "secret": "s3cret"}}
    tool = {"type": "handoff", "destinations": [{"type": "assistant", "assistant": transient}]}
    first = member("Desk", model={"tools": [tool]})
    before = Squad([first])
    choice = before.choose({"type": "assistant", "assistant": transient})
    shown = [member_shown(one) for one in choice.added]
    assert "s3cret" not in str(shown)
    after = Squad([first])
    after.readmit(shown)
    assert after[1] == choice.added[0]
    unknown = Squad([member("Desk")])
    unknown.readmit(shown)
    assert unknown[1].assistant == {"name": "Night", "server": {"url": "https://x.example"}}
