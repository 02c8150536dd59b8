"""Who may have a call: the members of its squad, and how a destination names one of them. Pure.

A destination is Vapi's JSON: of a handoff tool, of a member's `assistantDestinations`, of live control, or what a
server answered to `handoff-destination-request`. Assistants that it holds itself become members, too, so that a number
names everybody who ever had the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.assistant.call_plan import Member
from gateway.assistant.masking import without_secrets
from gateway.assistant.merging import with_overrides
from gateway.errors import UnknownMember

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """Who a destination means: the number of a member. `added` are those that it made members."""

    member: int
    added: tuple[Member, ...] = ()


class Squad:
    """The members, in the order in which they became such."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = list(members)

    def __getitem__(self, number: int) -> Member:
        return self._members[number]

    def __len__(self) -> int:
        return len(self._members)

    def name(self, number: int) -> str:
        """What a member is called: its own name, its assistant's, its assistant's id, or its place."""
        member = self._members[number]
        return member.name or str(member.assistant.get("name") or member.assistant_id or f"member {number + 1}")

    def choose(self, destination: Body) -> Choice:
        """The member that a destination means.

        :raises UnknownMember: there is none
        """
        if destination.get("type") == "squad":
            return self._of_squad(destination)
        overrides = _mapping(destination.get("assistantOverrides"))
        if isinstance(body := destination.get("assistant"), Mapping):
            return self._with(transient(body, overrides, destination))
        number = self._named(destination)
        if not overrides:
            return Choice(number)
        known = self._members[number]
        changed = known.model_copy(update={"assistant": with_overrides(known.assistant, overrides)})
        return self._with(changed)

    def add(self, members: Sequence[Member]) -> None:
        """Make these members, too."""
        self._members.extend(members)

    def readmit(self, shown: Sequence[Body]) -> None:
        """Make members of those that a journal tells of, with the secrets that the members' own destinations hold."""
        for body in shown:
            self._members.append(self._known(body) or Member.model_validate(body))

    def _known(self, shown: Body) -> Member | None:
        return next((member for member in self._within_destinations() if member_shown(member) == shown), None)

    def _within_destinations(self) -> Iterator[Member]:
        for member in self._members:
            for destination in destinations(member):
                try:
                    yield from self.choose(destination).added
                except UnknownMember:
                    continue

    def _with(self, *members: Member, entry: int = 0) -> Choice:
        """These as members, or those that are the same already."""
        if len(members) == 1 and members[0] in self._members:
            return Choice(self._members.index(members[0]))
        return Choice(len(self._members) + entry, members)

    def _of_squad(self, destination: Body) -> Choice:
        squad = destination.get("squad")
        bodies = squad.get("members") if isinstance(squad, Mapping) else None
        if not isinstance(bodies, list) or not bodies:
            raise UnknownMember(
                f"The squad {destination.get('squadId') or 'of the destination'} has no members that this call knows."
            )
        everybody = _mapping(destination.get("squadOverrides")) or _mapping(_mapping(squad).get("membersOverrides"))
        members = [self._squad_member(body, everybody) for body in bodies]
        names = [Squad([member]).name(0) for member in members]
        entry = str(destination.get("entryAssistantName") or "")
        if entry and entry not in names:
            raise UnknownMember(f"The squad has no member {entry!r}; it has {', '.join(names)}.")
        return self._with(*members, entry=names.index(entry) if entry else 0)

    def _squad_member(self, body: Body, everybody: Body) -> Member:
        assistant = body.get("assistant")
        if not isinstance(assistant, Mapping):
            assistant = self._members[self._named(body)].assistant
        own = with_overrides(assistant, _mapping(body.get("assistantOverrides")))
        return Member(
            name=str(assistant.get("name") or ""),
            assistant_id=_text(body.get("assistantId")),
            assistant=with_overrides(own, everybody),
            destinations=[dict(one) for one in body.get("assistantDestinations") or ()],
        )

    def _named(self, destination: Body) -> int:
        name, wanted = str(destination.get("assistantName") or ""), _text(destination.get("assistantId"))
        numbers = range(len(self._members))
        if wanted is not None:
            found = [number for number in numbers if self._members[number].assistant_id == wanted]
        else:
            found = [number for number in numbers if self.name(number) == name]
            found = found or [number for number in numbers if self.name(number).casefold() == name.strip().casefold()]
        if not found or not (name or wanted):
            names = dict.fromkeys(self.name(number) for number in numbers)
            raise UnknownMember(
                f"No assistant of this call is called {(name or wanted or '')!r}; there are {', '.join(names)}."
            )
        return found[0]


def transient(body: Body, overrides: Body, destination: Body) -> Member:
    """An assistant that stands in its destination, as a member."""
    assistant = with_overrides(body, overrides)
    name = str(destination.get("assistantName") or assistant.get("name") or "")
    return Member(name=name, assistant_id=_text(destination.get("assistantId")), assistant=assistant)


def destinations(member: Member) -> Iterator[Body]:
    """Every destination that a member names: as one of its squad, and in its tools."""
    yield from member.destinations
    for tool in _mapping(member.assistant.get("model")).get("tools") or ():
        if isinstance(tool, Mapping) and tool.get("type") in ("handoff", "transferCall"):
            yield from (one for one in tool.get("destinations") or () if isinstance(one, Mapping))


def member_shown(member: Member) -> dict[str, Any]:
    """A member as a journal keeps it."""
    shown = member.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {key: without_secrets(value) for key, value in shown.items() if value or key == "assistant"}


def _mapping(value: Any) -> Body:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return str(value) if value else None
