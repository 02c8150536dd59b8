"""What the routes of the API work with: made once by the process, handed to each request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import httpx
from fastapi import Request

from gateway.api.signed_urls import UrlSigner
from gateway.plane.v1.plane_pb2 import TrunkStatus
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.messages.service import Messages
    from gateway.store.database import Database
    from gateway.store.keys import KeyHolder
    from gateway.store.secrets import Secrets


class Plane(Protocol):
    """The gateways that are attached: the part of `gateway.plane.server` that the routes use."""

    async def create_calls(
        self, holder: KeyHolder, body: Mapping[str, Any], idempotency_key: str | None, *, web: bool = False
    ) -> dict[str, Any]:
        """Plan and start calls.

        :param body: CreateCallDTO; `customers` makes a batch
        :param web: `POST /call/web`
        :returns: the Call, or {results, errors, subscriptionLimits} of a batch
        :raises ApiError: when nothing was dialled; afterwards faults stand in the call
        """

    def trunk_statuses(self, trunk: str) -> Mapping[str, TrunkStatus]:
        """What each gateway that has a trunk says of it, by the gateway's name."""

    def trunks_changed(self) -> None:
        """A credential was made, changed or deleted: gateways learn of its trunk."""

    async def end_call(self, call_id: str) -> None:
        """End a live call for its record's sake: `manually-canceled`. A call that is not live stays as it is."""

    @property
    def attached(self) -> bool:
        """Whether a gateway is there that could dial."""


@dataclass(frozen=True, slots=True)
class ApiContext:
    """`client` sends requests to addresses that users named, past the egress guard. `secrets` opens credentials,
    `signer` makes URLs that need no key. `messages` has what happens in calls."""

    settings: Settings
    database: Database
    plane: Plane
    client: httpx.AsyncClient
    secrets: Secrets
    signer: UrlSigner
    messages: Messages


def context_of(request: Request) -> ApiContext:
    """The context of the application that serves `request`; a dependency of routes."""
    context = request.app.state.context
    assert isinstance(context, ApiContext)
    return context
