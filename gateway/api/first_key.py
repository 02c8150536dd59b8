"""The key with which an installation begins."""

from __future__ import annotations

from gateway.settings import ApiSettings
from gateway.store.database import Database
from gateway.store.keys import create_key, keep_key, list_keys
from gateway.store.organisations import default_organisation

BOOTSTRAP_NAME = "bootstrap"
FIRST_NAME = "first start"


async def first_key(database: Database, settings: ApiSettings) -> str | None:
    """Let `api.bootstrap_key` be a private key of the default organisation; without one, and while that organisation
    has no key at all, make one.

    :returns: the key that was made, which cannot be had again; None when none was
    """
    async with database.transaction() as session:
        organisation = await default_organisation(session)
        if settings.bootstrap_key is not None:
            await keep_key(session, organisation.id, settings.bootstrap_key.get_secret_value(), name=BOOTSTRAP_NAME)
            return None
        if await list_keys(session, organisation.id):
            return None
        return await create_key(session, organisation.id, name=FIRST_NAME)
