"""The SIP endpoint that the doctor starts: in the place of the gateway, or beside the one that runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.call.leg import Leg
from gateway.settings import Settings
from gateway.sip.endpoint import SipEndpoint
from gateway.sip.trunk import registrar_uri
from gateway.trunk.registration import RegistrationState
from gateway.trunk.settings import TrunkGateway, TrunkSettings

_REGISTER_SECONDS = 9.0
_LOOK_SECONDS = 0.1


@asynccontextmanager
async def running(settings: Settings, on_leg: Callable[[Leg], None]) -> AsyncIterator[SipEndpoint]:
    """An endpoint while the block runs. :raises ParleyError: when it cannot start"""
    endpoint = SipEndpoint(settings, loop=asyncio.get_running_loop(), on_leg=on_leg)
    await endpoint.start()
    try:
        yield endpoint
    finally:
        await endpoint.close()


def beside(settings: Settings) -> Settings:
    """Settings of an endpoint that calls while the gateway runs: on any port, and registered nowhere, so that it takes
    no call and no registration from the gateway. Its audio comes to the same range of ports."""
    sip = settings.sip.model_copy(update={"port": 0, "transports": ["udp", "tcp"]})
    return settings.model_copy(update={"sip": sip, "trunks": [unregistered(one) for one in settings.trunks]})


def unregistered(trunk: TrunkSettings) -> TrunkSettings:
    """The trunk as one that is called at its registrar without a registration; the credentials stay."""
    uri = registrar_uri(trunk)
    if uri is None:
        return trunk.model_copy(update={"qualify_seconds": 0.0})
    host = TrunkGateway(host=uri.host, port=uri.port)
    gateways = [*trunk.gateways] if any(one.outbound for one in trunk.gateways) else [host]
    domain = trunk.domain or host.name
    changes = {"registrar": None, "gateways": gateways, "domain": domain, "qualify_seconds": 0.0}
    return trunk.model_copy(update=changes)


async def registrations(endpoint: SipEndpoint) -> dict[str, RegistrationState]:
    """What the registrars said, once each has said something or the time is over."""
    for _ in range(int(_REGISTER_SECONDS / _LOOK_SECONDS)):
        if all(one.registered or one.status for one in endpoint.registrations().values()):
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return dict(endpoint.registrations())


def take_nothing(leg: Leg) -> None:
    """What happens to a call that comes while the doctor calls: it rings out."""
