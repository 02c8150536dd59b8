"""Who answers in a chat: an assistant that is kept or comes with the request, alone or as the first of a squad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import BadRequest, InvalidAssistant
from gateway.plane.plan_maker import CallFacts, PlanMaker
from gateway.plane.planning import NobodyNamed, Wanted

Body = Mapping[str, Any]
NAMES = ("assistantId", "assistant", "squadId", "squad")
"""The fields of a request that say who answers."""


@dataclass(frozen=True, slots=True)
class Participant:
    """`assistant` is Vapi's JSON with overrides merged and its tools in place, `variables` are of the overrides.
    `credentials` are the organisation's; `shared`: those of the settings are for it, too. `trusted`: the operator's own
    assistant, which may connect to any address. `server` is the organisation's."""

    assistant: Body
    assistant_id: str | None = None
    variables: Body = field(default_factory=dict)
    credentials: Sequence[Body] = field(default=(), repr=False)
    shared: bool = False
    trusted: bool = False
    server: Body | None = None


async def participant(maker: PlanMaker, organisation_id: str, body: Body) -> Participant:
    """The assistant that a request, a session or an earlier chat names.

    :raises BadRequest: it names nobody, somebody who is not there, or who cannot be used
    """
    try:
        plan, _ = await maker.plan(organisation_id, Wanted.of(body), CallFacts(call={}))
    except NobodyNamed:
        raise BadRequest([f"one of {', '.join(NAMES)}, sessionId, previousChatId must say who answers"]) from None
    except InvalidAssistant as error:
        raise BadRequest(error.problems) from error
    member = plan.members[0]
    return Participant(
        assistant=member.assistant,
        assistant_id=member.assistant_id,
        variables=plan.variables,
        credentials=plan.credentials,
        shared=plan.shared_credentials,
        trusted=member.trusted,
        server=plan.server,
    )


async def assistant_of(maker: PlanMaker, organisation_id: str, body: Body) -> Body:
    """The JSON of who answers; empty when there is nobody any more."""
    try:
        return (await participant(maker, organisation_id, body)).assistant
    except BadRequest:
        return {}
