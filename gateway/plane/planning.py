"""From what a caller of the API, a phone number or a user's server names to the members of a call's plan.

Every id is followed and every override merged here, so that nobody has to ask again while the call goes on. What
cannot be used is a problem, a sentence that begins with its path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.assistant.call_plan import Member
from gateway.assistant.defaults import AssistantDefaults, default_model
from gateway.assistant.member import member_assistant
from gateway.assistant.merging import with_overrides
from gateway.assistant.reading import FieldWarning, read_assistant
from gateway.errors import BadRequest, InvalidAssistant
from gateway.plane.shelf import Body, Shelf
from gateway.providers.credentials import Credentials

MOST_MEMBERS = 50
"""Of a squad, with those that its members hand the call to."""


class NobodyNamed(BadRequest):
    """A request names neither an assistant nor a squad."""


class UnknownName(BadRequest):
    """A request names an assistant, a squad or a tool that is not there."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who has the call: Vapi's fields of the same names. `overrides` are in the order in which they apply."""

    assistant_id: str | None = None
    assistant: Mapping[str, Any] | None = None
    squad_id: str | None = None
    squad: Mapping[str, Any] | None = None
    overrides: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(cls, body: Mapping[str, Any], *further: Mapping[str, Any]) -> Wanted:
        """From a CreateCallDTO, a phone number or the reply to an assistant-request.

        :param further: objects with overrides of their own, such as a customer of a batch
        """
        overrides = [
            part
            for one in (body, *further)
            for name in ("assistantOverrides", "squadOverrides")
            if isinstance(part := one.get(name), Mapping)
        ]
        return cls(body.get("assistantId"), body.get("assistant"), body.get("squadId"), body.get("squad"), overrides)

    @property
    def anybody(self) -> bool:
        """Whether somebody is named at all."""
        return any((self.assistant_id, self.assistant, self.squad_id, self.squad))


@dataclass(slots=True)
class Cast:
    """Who has the call. `members` begins with who speaks first."""

    members: list[Member] = field(default_factory=list)
    squad: Body | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    credentials: list[Body] = field(default_factory=list)
    warnings: list[FieldWarning] = field(default_factory=list)


class Planner:
    """Plans the calls of one organisation.

    :param defaults: what an assistant gets that names no model
    :param credentials: where a key of a default model may be
    """

    def __init__(self, shelf: Shelf, defaults: AssistantDefaults, credentials: Credentials) -> None:
        self._shelf = shelf
        self._defaults = defaults
        self._credentials = credentials

    async def cast(self, wanted: Wanted) -> Cast:
        """Who has the call, ready to speak.

        :raises NobodyNamed: nobody is named
        :raises UnknownName: an id names nothing
        :raises InvalidAssistant: an assistant cannot be used
        """
        cast = Cast()
        for overrides in wanted.overrides:
            cast.variables |= _part(overrides, "variableValues")
        if wanted.squad_id or wanted.squad:
            await self._cast_squad(cast, wanted)
        elif wanted.assistant_id or wanted.assistant:
            body, path = await self._assistant(wanted.assistant_id, wanted.assistant, "")
            await self._add(cast, body, wanted.overrides, path)
        else:
            raise NobodyNamed(["one of assistantId, assistant, squadId and squad must be set"])
        await self._follow_handoffs(cast)
        cast.credentials = await self._credentials_of(cast)
        return cast

    async def _cast_squad(self, cast: Cast, wanted: Wanted) -> None:
        if not wanted.squad_id and not isinstance(wanted.squad, Mapping):
            raise BadRequest(["squad must be an object"])
        squad = await self._shelf.squad(str(wanted.squad_id)) if wanted.squad_id else dict(wanted.squad or {})
        if squad is None:
            raise UnknownName([f"squadId names no squad of this organisation: {wanted.squad_id}"])
        cast.squad = squad
        members = [member for member in _list(squad, "members") if isinstance(member, Mapping)]
        if not members or len(members) > MOST_MEMBERS:
            raise BadRequest([f"squad.members must have 1 to {MOST_MEMBERS} members"])
        for index, member in enumerate(members):
            where = f"squad.members.{index}."
            body, path = await self._assistant(member.get("assistantId"), member.get("assistant"), where)
            given = (member.get("assistantOverrides"), squad.get("membersOverrides"))
            own = [part for part in given if isinstance(part, Mapping) and part]
            for overrides in own:
                cast.variables = {**_part(overrides, "variableValues"), **cast.variables}
            destinations = [dict(one) for one in _list(member, "assistantDestinations") if isinstance(one, Mapping)]
            await self._add(cast, body, [*own, *wanted.overrides], path, destinations)

    async def _assistant(self, id_: Any, transient: Any, where: str) -> tuple[Body, str]:
        """The assistant's JSON, and the path of its fields."""
        if id_:
            body = await self._shelf.assistant(str(id_))
            if body is None:
                raise UnknownName([f"{where}assistantId names no assistant of this organisation: {id_}"])
            return body, f"{where}assistant"
        if not isinstance(transient, Mapping):
            raise NobodyNamed([f"{where}assistantId or {where}assistant must be set"])
        return {name: value for name, value in transient.items() if name not in ("id", "trusted")}, f"{where}assistant"

    async def _add(
        self,
        cast: Cast,
        body: Body,
        overrides: Sequence[Mapping[str, Any]],
        path: str,
        destinations: Sequence[Body] = (),
    ) -> None:
        trusted = bool(body.pop("trusted", False)) and not any(set(one) - {"variableValues"} for one in overrides)
        assistant_id = body.pop("id", None)
        for one in overrides:
            body = with_overrides(body, one)
        body = await self._with_tools(with_overrides(body, None), path)
        model = body.get("model")
        if not isinstance(model, Mapping) or not model.get("provider"):
            body["model"] = {**default_model(self._defaults, self._credentials), **(model or {})}
        for part in ("voice", "transcriber"):
            if (default := getattr(self._defaults, part)) is not None:
                body.setdefault(part, default)
        member = Member(
            name=str(body.get("name") or assistant_id or ""),
            assistant_id=assistant_id,
            assistant=body,
            destinations=list(destinations),
            trusted=trusted,
        )
        cast.members.append(member)
        cast.warnings += self._check(member, path)

    def _check(self, member: Member, path: str) -> list[FieldWarning]:
        """What in an assistant has no effect. :raises InvalidAssistant: it cannot be used"""
        try:
            if member.trusted:
                member_assistant(member)
                return []
            read = read_assistant(member.assistant, self._defaults, self._credentials)
        except InvalidAssistant as error:
            raise InvalidAssistant([f"{path}.{problem}" for problem in error.problems]) from error
        return [FieldWarning(f"{path}.{one.path}", one.message) for one in read.warnings]

    async def _with_tools(self, body: Body, path: str) -> Body:
        """With the tools themselves where the model names their ids."""
        model = body.get("model")
        if not isinstance(model, Mapping):
            return body
        ids = [*_list(model, "toolIds"), *(one.get("toolId") for one in _list(model, "toolRefs") if one)]
        tools = []
        for index, id_ in enumerate(ids):
            tool = await self._shelf.tool(str(id_))
            if tool is None:
                raise UnknownName([f"{path}.model.toolIds.{index} names no tool of this organisation: {id_}"])
            tools.append(tool)
        rest = {name: value for name, value in model.items() if name not in ("toolIds", "toolRefs")}
        return {**body, "model": {**rest, "tools": [*_list(model, "tools"), *tools]} if tools else rest}

    async def _follow_handoffs(self, cast: Cast) -> None:
        """Assistants that a handoff names by id, or that stand in its destination, are members too; squads that it
        names stand in the destination then."""
        for member in cast.members:
            for destination in list(_handoffs(member)):
                if destination.get("squadId"):
                    await self._expand_squad(destination)
                id_ = destination.get("assistantId")
                if not id_ or any(one.assistant_id == id_ for one in cast.members):
                    continue
                body = await self._shelf.assistant(str(id_))
                if body is None:
                    where = f"{member.name}'s handoff destination"
                    raise UnknownName([f"{where} names no assistant of this organisation: {id_}"])
                if len(cast.members) >= MOST_MEMBERS:
                    raise BadRequest([f"handoffs lead to more than {MOST_MEMBERS} assistants"])
                await self._add(cast, body, [], "assistant")

    async def _expand_squad(self, destination: dict[str, Any]) -> None:
        squad = await self._shelf.squad(str(destination["squadId"]))
        if squad is None:
            raise UnknownName([f"a handoff destination names no squad: {destination['squadId']}"])
        inner = Cast()
        await self._cast_squad(inner, Wanted(squad=squad))
        members: list[dict[str, Any]] = [
            {"assistant": {**one.assistant, "id": one.assistant_id}, "assistantDestinations": one.destinations}
            for one in inner.members
        ]
        destination["squad"] = {**squad, "members": members}
        del destination["squadId"]

    async def _credentials_of(self, cast: Cast) -> list[Body]:
        """Those that assistants bring along, then the organisation's: all, or those that all members limit it to."""
        own = [dict(one) for member in cast.members for one in _list(member.assistant, "credentials") if one]
        limits = [_list(member.assistant, "credentialIds") for member in cast.members]
        chosen = {str(id_) for limit in limits for id_ in limit} if all(limits) else None
        kept = await self._shelf.credentials()
        return own + [one for one in kept if chosen is None or one["id"] in chosen]


def _handoffs(member: Member) -> Iterable[dict[str, Any]]:
    model = member.assistant.get("model")
    for tool in _list(model, "tools") if isinstance(model, Mapping) else ():
        if isinstance(tool, Mapping) and tool.get("type") == "handoff":
            yield from (one for one in _list(tool, "destinations") if isinstance(one, dict))
    yield from member.destinations


def _part(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    return dict(found) if isinstance(found, Mapping) else {}


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    found = body.get(name)
    return found if isinstance(found, list) else []
