"""Calls between a scripted party and a trunk of the endpoint that leads to it."""

from __future__ import annotations

from typing import Any

from gateway.trunk.settings import TrunkSettings
from tests.sip.exchange import Exchange, Told
from tests.sip.party import LOOPBACK, Party, Received

NAME = "office"


async def set_trunk(ours: Exchange, party: Party, **fields: Any) -> None:
    """The party is a trunk with these settings, for calls in both directions."""
    trunk = {"name": NAME, "qualify_seconds": 0, "gateways": [{"host": LOOPBACK, "port": party.port}], **fields}
    await ours.endpoint.set_trunks([TrunkSettings.model_validate(trunk)])


async def dial(ours: Exchange, party: Party) -> tuple[Told, Received]:
    """We call the party through the trunk: what we are told, and the INVITE."""
    leg = await ours.endpoint.dial("4711", trunk=NAME)
    told = Told(leg)
    leg.attach(told)
    invite = await party.incoming("INVITE")
    party.called(invite)
    return told, invite
