"""The language models of the organisations, as the API process asks them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.assistant.assistant import Assistant, Model
from gateway.egress.guard import check_url
from gateway.providers.base import LanguageModel
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.registry import Providers
from gateway.settings import Settings
from gateway.store.entities import Entities, Kind
from gateway.store.listing import ListQuery
from gateway.store.secrets import Secrets

_MOST_CREDENTIALS = 1000
_FIELDS = ("provider", "name", "apiKey", "apiUrl", "region", "userId", "authenticationPlan")
_TEXT_MODEL = {"provider": "openai", "model": "gpt-4.1-mini"}
"""In the place of a model that hears and speaks by itself."""


class OrganisationModels:
    """Providers by organisation and its credentials: an organisation's own keys come before the operator's."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._made: dict[str, tuple[str, Providers]] = {}

    async def credentials(self, session: AsyncSession, organisation_id: str) -> Sequence[dict[str, Any]]:
        """All credentials of an organisation, with their secrets."""
        query = ListQuery(limit=_MOST_CREDENTIALS, order="ASC")
        kept = await Entities(session, organisation_id).list(Kind.CREDENTIAL, query)
        return [{**self._secrets.opened(entity.body), "id": entity.id} for entity in kept]

    def providers(self, organisation_id: str, credentials: Sequence[Mapping[str, Any]]) -> Providers:
        """Those of an organisation; made anew when its credentials have changed."""
        key = json.dumps(credentials, sort_keys=True, default=str)
        known = self._made.get(organisation_id)
        if known is None or known[0] != key:
            own = [one for body in credentials if (one := provider_credential(body)) is not None]
            made = Providers(Credentials([*self._settings.credentials, *own]), failover=self._settings.failover)
            known = self._made[organisation_id] = (key, made)
        return known[1]

    async def model(self, providers: Providers, assistant: Assistant) -> LanguageModel:
        """An assistant's model, for a conversation by text.

        :raises ConfigError: its key or package is missing, or an option is wrong
        :raises ForbiddenAddress: its URL leads where it must not
        """
        settings = assistant.model
        if settings.speaks:
            kept = settings.model_dump(by_alias=True, include={"messages", "tools"})
            settings = Model.model_validate({**_TEXT_MODEL, **kept})
        for one in settings.chain:
            if isinstance(url := one.options.get("url"), str):
                await check_url(url, self._settings.egress.allow)
        return await asyncio.to_thread(providers.model, settings)

    async def close(self) -> None:
        """End all connections."""
        for _, providers in self._made.values():
            await providers.close()


def provider_credential(body: Mapping[str, Any]) -> Credential | None:
    """A credential of the API as providers take it; None when it is none of a provider's."""
    if not body.get("apiKey") and not body.get("authenticationPlan"):
        return None
    known = {name: body[name] for name in _FIELDS if body.get(name) is not None}
    try:
        return Credential.model_validate(known)
    except ValidationError:
        return None
