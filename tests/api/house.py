"""An API over a database of its own, with one organisation and its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from fastapi import FastAPI

from gateway.api.app import api_app
from gateway.api.context import ApiContext
from gateway.api.signed_urls import UrlSigner
from gateway.messages.service import Messages
from gateway.plane.v1.plane_pb2 import TrunkStatus
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.keys import KeyHolder, create_key
from gateway.store.organisations import create_organisation, default_organisation
from gateway.store.secrets import Secrets

BASE = "http://parley.test"


class PlaneDouble:
    """Gateways that keep what they are asked for."""

    def __init__(self) -> None:
        self.attached = True
        self.asked: list[tuple[KeyHolder, Mapping[str, Any], str | None, bool]] = []
        self.ended: list[str] = []
        self.trunk_changes = 0
        self.statuses: dict[str, dict[str, TrunkStatus]] = {}
        self.answer: dict[str, Any] = {}

    async def create_calls(
        self, holder: KeyHolder, body: Mapping[str, Any], idempotency_key: str | None, *, web: bool = False
    ) -> dict[str, Any]:
        self.asked.append((holder, body, idempotency_key, web))
        return self.answer

    def trunk_statuses(self, trunk: str) -> Mapping[str, TrunkStatus]:
        return self.statuses.get(trunk, {})

    def trunks_changed(self) -> None:
        self.trunk_changes += 1

    async def end_call(self, call_id: str) -> None:
        self.ended.append(call_id)


@dataclass
class House:
    """`client` has the private key; `public` and `stranger` are clients with other keys, `nobody` has none."""

    app: FastAPI
    context: ApiContext
    plane: PlaneDouble
    client: httpx.AsyncClient
    public: httpx.AsyncClient
    stranger: httpx.AsyncClient
    nobody: httpx.AsyncClient
    organisation_id: str


@asynccontextmanager
async def house(folder: Path, url: str | None = None) -> AsyncIterator[House]:
    """:param url: of a database; default: SQLite in `folder`"""
    settings = Settings(data_dir=folder)
    database = await Database.open(url or f"sqlite:///{folder / 'parley.db'}")
    try:
        async with database.transaction() as session:
            ours = await default_organisation(session)
            theirs = await create_organisation(session, "theirs")
            private = await create_key(session, ours.id)
            public = await create_key(session, ours.id, scope="public")
            foreign = await create_key(session, theirs.id)
        plane = PlaneDouble()
        secrets, signer = Secrets(Fernet.generate_key()), UrlSigner(b"key", BASE)
        async with httpx.AsyncClient() as outgoing:
            messages = Messages(
                settings, database, secrets, client=outgoing, operators=outgoing, address=signer.call_url
            )
            context = ApiContext(
                settings=settings,
                database=database,
                plane=plane,
                client=outgoing,
                secrets=secrets,
                signer=signer,
                messages=messages,
            )
            app = _app_over(context)
            mine, published, strange, none = (_client(app, key) for key in (private, public, foreign, None))
            yield House(app, context, plane, mine, published, strange, none, organisation_id=ours.id)
    finally:
        await database.close()


_apps: list[FastAPI] = []
"""Making one takes longer than most tests; it holds nothing but its context, and the models of chats that were held."""


def _app_over(context: ApiContext) -> FastAPI:
    if not _apps:
        _apps.append(api_app(context))
    state = _apps[0].state
    state.context = context
    if hasattr(state, "models"):
        del state.models
    return _apps[0]


def _client(app: FastAPI, key: str | None) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers=headers)
