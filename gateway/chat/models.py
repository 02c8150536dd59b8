"""The language models of the organisations, as the API process asks them."""

from __future__ import annotations

import asyncio
import hashlib
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
    """Providers by organisation and its credentials; no organisation has a part in another's."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._own = Providers(Credentials(settings.credentials), failover=settings.failover)
        self._made: dict[tuple[str, str], Providers] = {}

    async def credentials(self, session: AsyncSession, organisation_id: str) -> Sequence[dict[str, Any]]:
        """All credentials of an organisation, with their secrets."""
        query = ListQuery(limit=_MOST_CREDENTIALS, order="ASC")
        kept = await Entities(session, organisation_id).list(Kind.CREDENTIAL, query)
        return [{**self._secrets.opened(entity.body), "id": entity.id} for entity in kept]

    def providers(
        self, organisation_id: str, credentials: Sequence[Mapping[str, Any]], *, shared: bool = False
    ) -> Providers:
        """Those of an organisation; made anew when its credentials have changed.

        :param shared: the keys of the settings are for it, too
        """
        kept = json.dumps([credentials, shared], sort_keys=True, default=str)
        key = (organisation_id, hashlib.sha256(kept.encode()).hexdigest())
        if key not in self._made:
            own = [one for body in credentials if (one := provider_credential(body)) is not None]
            self._made[key] = self._own.of_tenant(organisation_id, own, all_shared=shared)
        return self._made[key]

    async def model(self, providers: Providers, assistant: Assistant, *, trusted: bool = False) -> LanguageModel:
        """An assistant's model, for a conversation by text.

        :param trusted: it is the operator's, and may be at any address
        :raises ConfigError: its key or package is missing, or an option is wrong
        :raises ForbiddenAddress: its URL leads where it must not
        """
        settings = assistant.model
        if settings.speaks:
            kept = settings.model_dump(by_alias=True, include={"messages", "tools"})
            settings = Model.model_validate({**_TEXT_MODEL, **kept})
        for one in settings.chain:
            if not trusted and isinstance(url := one.options.get("url"), str):
                await check_url(url, self._settings.egress.allow)
        return await asyncio.to_thread(providers.model, settings)

    async def close(self) -> None:
        """End all connections."""
        for providers in (*self._made.values(), self._own):
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
