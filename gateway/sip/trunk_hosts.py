"""The host names of trunks: who was found behind them. On the owner thread."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from gateway.sip.lookup import LOCATED_TRANSPORTS, HostName
from gateway.sip.trunk import registrar_uri
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.targets import Target, Targets
from gateway.trunk.trust import literal


class TrunkHosts:
    """What was found last; it holds until more is found."""

    def __init__(self) -> None:
        self._targets: dict[HostName, Targets] = {}

    def located(self, host: HostName, found: Sequence[Target]) -> None:
        """A name was looked up."""
        self._targets.setdefault(host, Targets()).renew(found)

    def registrars(self, trunk: TrunkSettings) -> Targets | None:
        """The hosts behind the name of a trunk's registrar; None when it is an address."""
        host = registrar_name(trunk)
        return self._targets.setdefault(host, Targets()) if host else None

    def addresses(self, trunk: TrunkSettings) -> Collection[str]:
        """Of the registrar, and of gateways that are names."""
        registrar = registrar_uri(trunk)
        address = literal(registrar.host) if registrar else None
        looked_up = [
            one.address for host in names_of(trunk) if host in self._targets for one in self._targets[host].known
        ]
        return [str(address), *looked_up] if address else looked_up


def registrar_name(trunk: TrunkSettings) -> HostName | None:
    """The registrar by its name; None when it is an address, or found by the stack itself."""
    registrar = registrar_uri(trunk)
    # what is verified by a name is left to the stack
    if registrar is None or literal(registrar.host) or trunk.transport not in LOCATED_TRANSPORTS:
        return None
    return HostName(registrar.host, registrar.port, trunk.transport)


def names_of(trunk: TrunkSettings) -> Iterator[HostName]:
    """The registrar, and gateways that call, by their names."""
    if host := registrar_name(trunk):
        yield host
    for gateway in trunk.gateways:
        transport = gateway.transport or trunk.transport
        if gateway.inbound and not literal(gateway.host) and transport in LOCATED_TRANSPORTS:
            yield HostName(gateway.host, gateway.port, transport)
