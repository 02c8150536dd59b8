"""Everything that is known of a call before it begins: what the control plane resolved for gateway and worker.

Assistants, overrides, tools and phone numbers are merged already: whoever holds the plan asks nobody any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.assistant.masking import without_secrets


class PlanPart(BaseModel):
    """camelCase outside, snake_case inside; what a newer control plane adds is passed over."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )


class Member(PlanPart):
    """An assistant that may have the call: the only one, or one of a squad.

    `assistant` is Vapi's JSON as it was written, with overrides merged and with `model.toolIds` replaced by the tools
    themselves. `destinations` are Vapi's assistantDestinations. `trusted`: the operator wrote it, so its URLs may name
    any address.
    """

    name: str = ""
    assistant_id: str | None = None
    assistant: dict[str, Any]
    destinations: list[dict[str, Any]] = Field(default_factory=list)
    trusted: bool = False


class Announcement(PlanPart):
    """What is said, and the endedReason of a call that has heard it."""

    text: str
    reason: str


class Forwarding(PlanPart):
    """Somebody else is called for the caller, as nobody here answers.

    `destination` is Vapi's, of type number or sip. `why` nobody answers, one clause. `reason` is the endedReason of a
    call that somebody took, `failure` that of one that nobody did, unless they were busy or did not answer; empty for
    the usual one.
    """

    destination: dict[str, Any]
    why: str
    reason: str = "assistant-forwarded-call"
    failure: str = ""


class CallPlan(PlanPart):
    """`members` has the one that starts first. `call` is Vapi's Call object as far as it is known, with `id`, `orgId`
    and `type`; it goes into the messages to the user's servers.

    `variables` are template variables of this call, as given. `credentials` are those of the organisation, with their
    secrets: a plan is never logged or kept. `server` is the phone number's or the organisation's, used where the
    assistant has none. `fallback_destination` is where the caller goes when nobody can answer.

    `prices` are those of the organisation, for the budget of the call.
    `shared_credentials`: those of the settings are for this organisation, too. With an `announcement` the call is
    answered, hears it, and ends; with a `forwarding` the gateway calls somebody else, and asks no worker.
    """

    organisation: str
    call: dict[str, Any] = Field(default_factory=dict)
    members: Sequence[Member] = Field(min_length=1)
    squad: dict[str, Any] | None = None
    variables: dict[str, Any] = Field(default_factory=dict)
    credentials: list[dict[str, Any]] = Field(default_factory=list, repr=False)
    server: dict[str, Any] | None = None
    phone_number: dict[str, Any] | None = None
    fallback_destination: dict[str, Any] | None = None
    prices: list[dict[str, Any]] = Field(default_factory=list)
    shared_credentials: bool = False
    announcement: Announcement | None = None
    forwarding: Forwarding | None = None

    @property
    def call_id(self) -> str:
        """The call's id, a UUID."""
        return str(self.call.get("id", ""))

    def shown(self) -> dict[str, Any]:
        """Who has the call and whose it is, for the call's first event: without secrets."""
        members = [{"name": member.name, "assistantId": member.assistant_id} for member in self.members]
        shown = {
            "organisation": self.organisation,
            "call": without_secrets(self.call),
            "members": members,
            "squad": self.squad and {"id": self.squad.get("id"), "name": self.squad.get("name")},
            "server": self.server and {"url": self.server.get("url"), "credentialId": self.server.get("credentialId")},
            "phoneNumber": self.phone_number
            and {name: self.phone_number.get(name) for name in ("id", "name", "number", "sipUri", "provider")},
        }
        return {name: value for name, value in shown.items() if value is not None}
