"""Makes the plan of a call from the store of its organisation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.analytics.price_book import prices_of, shown
from gateway.assistant.call_plan import CallPlan
from gateway.assistant.reading import FieldWarning
from gateway.plane.planning import Planner, Wanted
from gateway.plane.shelf import Body, SettingsAssistants, StoreShelf
from gateway.providers.credentials import Credentials, provider_credentials
from gateway.routing.header_variables import header_variables
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.organisations import Organisation, organisation
from gateway.store.secrets import Secrets


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call besides who has it.

    :param call: Vapi's Call with `id`, `type` and what else is known
    :param phone_number: Vapi's phone number with its `id`
    :param headers: of the SIP request
    :param dials: the gateway calls a destination itself, and is given a plan for it
    :param trusted: the phone number is a route of the settings: its server is the operator's
    """

    call: Body
    phone_number: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    trusted: bool = False
    dials: bool = False


class PlanMaker:
    """:param settings: whose assistants and credentials belong to the default organisation"""

    def __init__(self, settings: Settings, database: Database, secrets: Secrets) -> None:
        self._settings = settings
        self._database = database
        self._secrets = secrets
        self.settings_assistants = SettingsAssistants(settings.assistants)

    async def plan(
        self, organisation_id: str, wanted: Wanted, facts: CallFacts
    ) -> tuple[CallPlan, Sequence[FieldWarning]]:
        """The plan, and what in it has no effect.

        :raises ApiError: who is wanted cannot be had
        :raises InvalidAssistant: an assistant cannot be used
        """
        async with self._database.reading() as session:
            owner = await organisation(session, organisation_id)
            shelf = self._shelf(session, owner)
            credentials = self._credentials(owner, await shelf.credentials())
            prices = shown(await prices_of(session, owner.id))
            cast = await Planner(shelf, self._settings.assistant_defaults, credentials).cast(wanted)
        texts = [json.dumps(member.assistant, ensure_ascii=False) for member in cast.members]
        number = facts.phone_number or {}
        parties = {
            "customer": facts.call.get("customer"),
            "phoneNumber": {name: number[name] for name in ("id", "name", "number") if name in number},
        }
        squad = cast.squad and {name: value for name, value in cast.squad.items() if name != "members"}
        plan = CallPlan(
            organisation=owner.id,
            call={**facts.call, "orgId": owner.id},
            members=cast.members,
            squad=squad,
            variables={
                **header_variables(facts.headers, texts),
                **{name: value for name, value in parties.items() if value},
                **cast.variables,
            },
            credentials=cast.credentials,
            server=number.get("server") or _legacy_server(number) or owner.body.get("server"),
            phone_number=facts.phone_number,
            fallback_destination=number.get("fallbackDestination"),
            shared_credentials=owner.is_default,
            prices=prices,
        )
        return plan, cast.warnings

    async def credential(self, organisation_id: str, id_: str | None) -> Body | None:
        """A credential with its secrets; None where there is none of this id."""
        if not id_:
            return None
        async with self._database.reading() as session:
            kept = await StoreShelf(session, organisation_id, self._secrets).credentials()
        return next((one for one in kept if one["id"] == id_), None)

    def _shelf(self, session: AsyncSession, owner: Organisation) -> StoreShelf:
        of_settings = self.settings_assistants if owner.is_default else None
        return StoreShelf(session, owner.id, self._secrets, of_settings)

    def _credentials(self, owner: Organisation, own: Sequence[Body]) -> Credentials:
        """For the choice of a default model: whoever has a key is asked first."""
        ours = Credentials(self._settings.credentials)
        return ours.for_tenant(provider_credentials(own), all_shared=owner.is_default)


def _legacy_server(number: Mapping[str, Any]) -> Body | None:
    """`serverUrl` and `serverUrlSecret` of older clients."""
    if not number.get("serverUrl"):
        return None
    secret = number.get("serverUrlSecret")
    return {"url": number["serverUrl"], **({"secret": secret} if secret else {})}
