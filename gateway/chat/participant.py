"""Who answers in a chat: an assistant that is kept or comes with the request, alone or as the first of a squad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.assistant.merging import with_overrides
from gateway.errors import BadRequest, NotFound
from gateway.store.entities import Entities, Kind

Body = Mapping[str, Any]
NAMES = ("assistantId", "assistant", "squadId", "squad")
"""The fields of a request that say who answers."""


@dataclass(frozen=True, slots=True)
class Participant:
    """`assistant` is Vapi's JSON with overrides merged and its tools in place, `variables` are of the overrides."""

    assistant: Body
    assistant_id: str | None = None
    variables: Body = field(default_factory=dict)


async def participant(entities: Entities, body: Body) -> Participant:
    """The assistant that a request, a session or an earlier chat names.

    :raises BadRequest: it names nobody, or somebody who is not there
    """
    overrides = [body.get("assistantOverrides")]
    named: Body = body
    if body.get("squadId") or isinstance(body.get("squad"), Mapping):
        named, of_squad = await _first_member(entities, body)
        overrides = [*of_squad, *overrides]
    assistant, assistant_id = await _assistant(entities, named)
    variables: dict[str, Any] = {}
    for changes in overrides:
        if isinstance(changes, Mapping):
            assistant = with_overrides(assistant, changes)
            variables |= _mapping(changes.get("variableValues"))
    return Participant(await _with_tools(entities, assistant), assistant_id, variables)


async def _first_member(entities: Entities, body: Body) -> tuple[Body, list[Any]]:
    squad = body.get("squad")
    if not isinstance(squad, Mapping):
        squad = (await _kept(entities, Kind.SQUAD, "squadId", body["squadId"])).body
    members = squad.get("members")
    if not isinstance(members, list) or not members or not isinstance(members[0], Mapping):
        raise BadRequest(["squad.members should not be empty"])
    return members[0], [squad.get("membersOverrides"), members[0].get("assistantOverrides")]


async def _assistant(entities: Entities, named: Body) -> tuple[dict[str, Any], str | None]:
    if isinstance(given := named.get("assistant"), Mapping):
        return dict(given), None
    if not named.get("assistantId"):
        raise BadRequest([f"one of {', '.join(NAMES)}, sessionId, previousChatId must say who answers"])
    kept = await _kept(entities, Kind.ASSISTANT, "assistantId", named["assistantId"])
    return kept.body, kept.id


async def _with_tools(entities: Entities, assistant: dict[str, Any]) -> dict[str, Any]:
    """The assistant with the tools that it names in the place of their ids; one that was deleted is left out."""
    model = assistant.get("model")
    if not isinstance(model, Mapping) or not isinstance(ids := model.get("toolIds"), list):
        return assistant
    tools = list(model["tools"]) if isinstance(model.get("tools"), list) else []
    for id_ in ids:
        try:
            tools.append((await entities.get(Kind.TOOL, str(id_))).body)
        except NotFound:
            continue
    return {**assistant, "model": {**{k: v for k, v in model.items() if k != "toolIds"}, "tools": tools}}


async def _kept(entities: Entities, kind: Kind, path: str, id_: object) -> Any:
    if not isinstance(id_, str):
        raise BadRequest([f"{path} must be a string"])
    try:
        return await entities.get(kind, id_)
    except NotFound:
        raise BadRequest([f"{path} names no {kind.value} of this organisation"]) from None


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
