"""Numbers that callers may call with a user name and a password only: what a gateway must know to let them in.

A stranger who calls a number that nobody has is asked, too, wherever some number asks: who tries addresses learns
nothing of which there are.
"""

from __future__ import annotations

import secrets as randomness
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.plane.v1 import plane_pb2 as pb
from gateway.routing.digest import Expected
from gateway.sip.headers import parse_address, parse_uri
from gateway.store.entities import Entity, Kind
from gateway.store.secrets import Secrets
from gateway.store.tables import entities

DEFAULT_REALM = "parley"
LOOK_SECONDS = 5.0
_FIELD = "authentication"


class Challenges:
    """:param secrets: opens the passwords of numbers"""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._asks = (-LOOK_SECONDS, False)
        """When it was looked last, s of the monotonic clock, and whether any number asks."""

    async def of(self, session: AsyncSession, leg: Mapping[str, Any], number: Entity | None) -> pb.Challenge | None:
        """What the caller of this number must answer; None where it need not.

        :param number: that was called, None for nobody's
        """
        realm = _realm(str(leg.get("called") or ""))
        if number is None:
            # A trunk's far end is known already, and dials what it was told to.
            if leg.get("trunk") is not None or not await self._any_asks(session):
                return None
            return _challenge(Expected.of(realm, "nobody", randomness.token_hex()))
        asked = number.body.get(_FIELD)
        if not isinstance(asked, Mapping):
            return None
        opened = self._secrets.opened({_FIELD: asked})[_FIELD]
        realm = str(opened.get("realm") or realm)
        return _challenge(Expected.of(realm, str(opened.get("username")), str(opened.get("password"))))

    async def _any_asks(self, session: AsyncSession) -> bool:
        """Whether any SIP address has credentials. Scanners call often: the store is asked now and then."""
        looked, asks = self._asks
        now = time.monotonic()
        if now - looked >= LOOK_SECONDS:
            asks = await _an_address_asks(session)
            self._asks = (now, asks)
        return asks


async def _an_address_asks(session: AsyncSession) -> bool:
    wanted = select(entities.c.body).where(entities.c.kind == Kind.PHONE_NUMBER.value, entities.c.sip_uri.is_not(None))
    return any(_FIELD in body for body in (await session.execute(wanted)).scalars())


def _realm(called: str) -> str:
    """The host that is called: the same for every number there, whether somebody has it or not."""
    uri = parse_uri(parse_address(called).uri)
    return uri.host if uri and uri.host else DEFAULT_REALM


def _challenge(expected: Expected) -> pb.Challenge:
    return pb.Challenge(
        realm=expected.realm,
        username=expected.username,
        md5=expected.secrets["MD5"],
        sha256=expected.secrets["SHA-256"],
    )
