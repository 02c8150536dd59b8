"""The language models of the organisations, as the API process asks them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.assistant.assistant import WRITING_MODEL, Assistant, Model
from gateway.egress.guard import check_url
from gateway.providers.base import LanguageModel
from gateway.providers.credentials import Credentials, provider_credentials
from gateway.providers.registry import Providers
from gateway.settings import Settings


class OrganisationModels:
    """Providers by organisation and its credentials; no organisation has a part in another's.

    The same as a call of the organisation has, see `gateway.providers.tenants`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = Providers(Credentials(settings.credentials), failover=settings.failover)
        self._made: dict[tuple[str, str], Providers] = {}

    def providers(
        self, organisation_id: str, credentials: Sequence[Mapping[str, Any]], *, shared: bool = False
    ) -> Providers:
        """Those of an organisation; made anew when its credentials have changed.

        :param shared: the keys of the settings are for it, too
        """
        kept = json.dumps([credentials, shared], sort_keys=True, default=str)
        key = (organisation_id, hashlib.sha256(kept.encode()).hexdigest())
        if key not in self._made:
            own = provider_credentials(credentials)
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
            settings = Model.model_validate({**WRITING_MODEL, **kept})
        for one in settings.chain:
            if not trusted and isinstance(url := one.options.get("url"), str):
                await check_url(url, self._settings.egress.allow)
        return await asyncio.to_thread(providers.model, settings)

    async def close(self) -> None:
        """End all connections."""
        for providers in (*self._made.values(), self._own):
            await providers.close()
