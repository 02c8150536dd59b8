"""What an organisation has that calls are planned from."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.assistant.assistant import Assistant
from gateway.errors import NotFound
from gateway.store.entities import Entities, Kind
from gateway.store.listing import ListQuery
from gateway.store.secrets import Secrets

_NAMESPACE = uuid.UUID("6f1f5a52-6d1c-5f0e-9a43-3f0c1d0c7a11")
_MOST_CREDENTIALS = 1000

Body = dict[str, Any]


class Shelf(Protocol):
    """Everything of one organisation; each is its JSON with `id`, None where there is no such thing."""

    async def assistant(self, name: str) -> Body | None:
        """By id; an assistant of the settings by its name too. Such a one has `trusted`."""

    async def squad(self, id_: str) -> Body | None:
        """By id."""

    async def tool(self, id_: str) -> Body | None:
        """By id."""

    async def credentials(self) -> Sequence[Body]:
        """All of them, with their secrets."""


def settings_assistant_id(name: str) -> str:
    """The id of an assistant of the settings, the same on every machine."""
    return str(uuid.uuid5(_NAMESPACE, name))


class SettingsAssistants:
    """The assistants of parley.yaml as the API shows them: those of the default organisation, read-only."""

    def __init__(self, assistants: Mapping[str, Assistant]) -> None:
        self._bodies = {
            name: {"name": name[:40]}
            | assistant.model_dump(mode="json", by_alias=True, exclude_unset=True)
            | {"id": settings_assistant_id(name)}
            for name, assistant in assistants.items()
        }
        self._names = {settings_assistant_id(name): name for name in assistants}

    def find(self, name_or_id: str) -> Body | None:
        """A copy of the assistant's JSON, None where there is none."""
        body = self._bodies.get(self._names.get(name_or_id, name_or_id))
        return None if body is None else dict(body)

    def all(self) -> Sequence[Body]:
        """In the order of the file."""
        return [dict(body) for body in self._bodies.values()]


class StoreShelf:
    """Implements `Shelf` for an organisation, within a session of the store.

    :param settings_assistants: those that this organisation has besides its own
    """

    def __init__(
        self,
        session: AsyncSession,
        organisation: str,
        secrets: Secrets,
        settings_assistants: SettingsAssistants | None = None,
    ) -> None:
        self._entities = Entities(session, organisation)
        self._secrets = secrets
        self._settings_assistants = settings_assistants

    async def assistant(self, name: str) -> Body | None:
        """See `Shelf`."""
        if (found := await self._get(Kind.ASSISTANT, name)) is not None:
            return found
        of_settings = self._settings_assistants.find(name) if self._settings_assistants else None
        return None if of_settings is None else {**of_settings, "trusted": True}

    async def squad(self, id_: str) -> Body | None:
        """See `Shelf`."""
        return await self._get(Kind.SQUAD, id_)

    async def tool(self, id_: str) -> Body | None:
        """See `Shelf`."""
        return await self._get(Kind.TOOL, id_)

    async def credentials(self) -> Sequence[Body]:
        """See `Shelf`."""
        found = await self._entities.list(Kind.CREDENTIAL, ListQuery(limit=_MOST_CREDENTIALS))
        return [{"id": one.id, **self._secrets.opened(one.body)} for one in found]

    async def _get(self, kind: Kind, id_: str) -> Body | None:
        try:
            entity = await self._entities.get(kind, id_)
        except NotFound:
            return None
        # What a caller calls trusted is not: only what stands in the settings is.
        body = {name: value for name, value in entity.body.items() if name != "trusted"}
        return {**body, "id": entity.id}
