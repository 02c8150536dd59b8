from __future__ import annotations

from typing import Any

import pytest

from gateway.assistant.defaults import AssistantDefaults
from gateway.assistant.member import member_assistant
from gateway.errors import BadRequest, InvalidAssistant
from gateway.plane.planning import Cast, NobodyNamed, Planner, UnknownName, Wanted
from gateway.providers.credentials import Credentials
from tests.plane.shelf_double import MemoryShelf

DIALOGUE = {"provider": "dialogue"}


async def cast(shelf: MemoryShelf, body: dict[str, Any], *further: dict[str, Any]) -> Cast:
    planner = Planner(shelf, AssistantDefaults(), Credentials(environ={}))
    return await planner.cast(Wanted.of(body, *further))


async def test_an_assistant_is_found_by_its_id_with_its_tools_in_the_place_of_their_ids() -> None:
    model = {**DIALOGUE, "toolIds": ["t"], "tools": [{"type": "endCall"}]}
    shelf = MemoryShelf(
        assistants=[{"id": "a", "name": "desk", "model": model}],
        tools=[
            {"id": "t", "type": "function", "function": {"name": "look_up"}, "server": {"url": "https://x.example"}}
        ],
    )
    (member,) = (await cast(shelf, {"assistantId": "a"})).members
    assert (member.name, member.assistant_id) == ("desk", "a")
    assert "toolIds" not in member.assistant["model"]
    assert [tool["type"] for tool in member.assistant["model"]["tools"]] == ["endCall", "function"]
    assert member.assistant["model"]["tools"][1]["id"] == "t"


async def test_overrides_apply_in_the_order_call_then_customer() -> None:
    shelf = MemoryShelf(assistants=[{"id": "a", "model": DIALOGUE, "firstMessage": "one"}])
    planned = await cast(
        shelf,
        {"assistantId": "a", "assistantOverrides": {"firstMessage": "two", "variableValues": {"x": 1, "y": 1}}},
        {"number": "+1", "assistantOverrides": {"firstMessage": "three", "variableValues": {"y": 2}}},
    )
    assert planned.members[0].assistant["firstMessage"] == "three"
    assert planned.variables == {"x": 1, "y": 2}


async def test_a_squad_has_its_members_with_their_overrides_and_destinations() -> None:
    shelf = MemoryShelf(
        assistants=[{"id": "a", "name": "front", "model": DIALOGUE}],
        squads=[
            {
                "id": "s",
                "members": [
                    {
                        "assistantId": "a",
                        "assistantOverrides": {"firstMessage": "hi"},
                        "assistantDestinations": [{"type": "assistant", "assistantName": "back"}],
                    },
                    {"assistant": {"name": "back", "model": DIALOGUE}},
                ],
                "membersOverrides": {"endCallMessage": "bye"},
            }
        ],
    )
    planned = await cast(shelf, {"squadId": "s"})
    assert [member.name for member in planned.members] == ["front", "back"]
    assert planned.members[0].assistant["firstMessage"] == "hi"
    assert all(member.assistant["endCallMessage"] == "bye" for member in planned.members)
    assert planned.members[0].destinations[0]["assistantName"] == "back"


async def test_assistants_that_handoffs_name_come_along_once_also_in_a_circle() -> None:
    def handing_to(id_: str) -> dict[str, Any]:
        return {**DIALOGUE, "tools": [{"type": "handoff", "destinations": [{"type": "assistant", "assistantId": id_}]}]}

    shelf = MemoryShelf(
        assistants=[{"id": "a", "model": handing_to("b")}, {"id": "b", "name": "second", "model": handing_to("a")}]
    )
    planned = await cast(shelf, {"assistantId": "a"})
    assert [member.assistant_id for member in planned.members] == ["a", "b"]


async def test_credentials_of_the_organisation_come_along_or_those_that_the_assistant_chooses() -> None:
    kept = [{"id": "c1", "provider": "openai", "apiKey": "k1"}, {"id": "c2", "provider": "groq", "apiKey": "k2"}]
    shelf = MemoryShelf(
        assistants=[
            {"id": "all", "model": DIALOGUE},
            {"id": "one", "model": DIALOGUE, "credentialIds": ["c2"]},
            {"id": "own", "model": DIALOGUE, "credentials": [{"provider": "openai", "apiKey": "mine"}]},
        ],
        credentials=kept,
    )
    assert (await cast(shelf, {"assistantId": "all"})).credentials == kept
    assert (await cast(shelf, {"assistantId": "one"})).credentials == kept[1:]
    assert [one["apiKey"] for one in (await cast(shelf, {"assistantId": "own"})).credentials] == ["mine", "k1", "k2"]


async def test_only_the_operators_own_assistant_is_trusted_and_only_as_it_stands() -> None:
    shelf = MemoryShelf(assistants=[{"id": "yaml", "model": DIALOGUE, "trusted": True}])
    as_it_stands = await cast(shelf, {"assistantId": "yaml", "assistantOverrides": {"variableValues": {"a": 1}}})
    changed = await cast(shelf, {"assistantId": "yaml", "assistantOverrides": {"model": {"url": "http://10.0.0.1"}}})
    claimed = await cast(shelf, {"assistant": {"model": DIALOGUE, "trusted": True}})
    assert [one.members[0].trusted for one in (as_it_stands, changed, claimed)] == [True, False, False]
    assert "trusted" not in claimed.members[0].assistant


async def test_only_the_operators_own_assistant_may_name_what_is_on_this_machine() -> None:
    model = {"provider": "dialogue", "file": "config/dialogues/demo.yaml"}
    shelf = MemoryShelf(assistants=[{"id": "yaml", "model": model, "trusted": True}])
    (member,) = (await cast(shelf, {"assistantId": "yaml"})).members
    assert member_assistant(member).model.options["file"] == model["file"]
    with pytest.raises(InvalidAssistant, match="must not name a file"):
        await cast(shelf, {"assistantId": "yaml", "assistantOverrides": {"firstMessage": "hi"}})


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        ({}, NobodyNamed, "assistantId, assistant, squadId"),
        ({"assistantId": "?"}, UnknownName, "assistantId names no assistant"),
        ({"squadId": "?"}, UnknownName, "squadId names no squad"),
        ({"squad": {"members": []}}, BadRequest, r"squad\.members must"),
        ({"squad": {"members": [{"assistantId": "?"}]}}, UnknownName, r"squad\.members\.0\.assistantId"),
        ({"assistant": {"model": {**DIALOGUE, "toolIds": ["?"]}}}, UnknownName, r"assistant\.model\.toolIds\.0"),
        ({"assistant": {"maxDurationSeconds": "long"}}, InvalidAssistant, r"assistant\.maxDurationSeconds"),
    ],
)
async def test_what_cannot_be_used_is_named_with_its_path(body: dict[str, Any], kind: type, sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        await cast(MemoryShelf(), body)
