"""What a call's assistant wants to be found out after it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.analysis.analysis import analyse
from gateway.analysis.analyst import Analyst
from gateway.analysis.material import Material
from gateway.assistant.analysis_plan import StructuredOutput
from gateway.assistant.artifact_plan import ArtifactPlan
from gateway.assistant.reading import read_assistant
from gateway.chat.models import OrganisationModels
from gateway.errors import InvalidAssistant, NotFound
from gateway.messages.intake import KnownCall
from gateway.plane.kept_plans import kept_plan
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.entities import Entities, Kind
from gateway.store.secrets import Secrets


@dataclass(frozen=True, slots=True)
class CallAnalyst:
    """Analyses calls that ended, with the models and keys that they had."""

    settings: Settings
    database: Database
    secrets: Secrets
    models: OrganisationModels

    def prepare(self) -> None:
        """What takes long once: half a second of a busy core in which nothing else of the process would go on."""
        with suppress(InvalidAssistant):
            read_assistant({}, self.settings.assistant_defaults)

    async def analyse(self, known: KnownCall) -> dict[str, Any]:
        """The data of the `analysis` event; empty where nothing is wanted.

        :raises ParleyError: the providers cannot be made
        """
        async with self.database.reading() as session:
            body = await self._assistant(session, known)
            try:
                # In a thread: the first assistant of a provider has the provider's SDK imported, which takes long.
                read = await asyncio.to_thread(read_assistant, body, self.settings.assistant_defaults)
            except InvalidAssistant:
                return {}
            assistant = read.assistant
            outputs = await self._outputs(session, known, assistant.artifact_plan)
            if assistant.analysis_plan is None and not outputs:
                return {}
            plan = await kept_plan(session, self.secrets, known.organisation_id, known.view.id)
        # A call without a plan was one of the operator's own assistants, with nothing but the keys of the settings.
        ours = known.organisation_id == self.database.default_organisation_id
        trusted = ours if plan is None else all(member.trusted for member in plan.members)
        shared = ours if plan is None else plan.shared_credentials
        credentials = [] if plan is None else plan.credentials
        providers = self.models.providers(known.organisation_id, credentials, shared=shared)
        analyst = Analyst(providers, assistant.model, None if trusted else self.settings.egress.allow)
        material = Material.of(known.view.call(), body)
        found = await analyse(assistant.analysis_plan, material, analyst, outputs)
        return found.data(analyst.rows())

    async def _assistant(self, session: AsyncSession, known: KnownCall) -> Mapping[str, Any]:
        """With its secrets: the member that had the call last."""
        view = known.view
        plan = await kept_plan(session, self.secrets, known.organisation_id, view.id)
        for member in plan.members if plan is not None else ():
            if (member.assistant_id, member.name) == (view.assistant_id, view.who().get("assistantName", "")):
                return member.assistant
        return view.assistant

    async def _outputs(
        self, session: AsyncSession, known: KnownCall, plan: ArtifactPlan | None
    ) -> Sequence[StructuredOutput]:
        if plan is None:
            return []
        outputs, entities = list(plan.structured_outputs), Entities(session, known.organisation_id)
        for id_ in plan.structured_output_ids:
            try:
                kept = await entities.get(Kind.STRUCTURED_OUTPUT, id_)
                fields = {name: kept.body[name] for name in _OUTPUT_FIELDS if kept.body.get(name) is not None}
                outputs.append(StructuredOutput.model_validate({**fields, "id": kept.id}))
            except (NotFound, ValidationError):
                continue
        return outputs


_OUTPUT_FIELDS = ("name", "type", "description", "schema", "regex", "model")
