"""What is known of a trunk: its registration, and which of its gateways can be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.trunk.registration import RegistrationState


@dataclass(frozen=True, slots=True)
class GatewayState:
    """A gateway of a trunk. `reachable` is None before the first OPTIONS had an answer, or its time was over, and where
    none are sent; `status` is what it was answered, 0 for nothing."""

    priority: int
    weight: int
    reachable: bool | None = None
    status: int = 0


@dataclass(frozen=True, slots=True)
class TrunkState:
    """`registration` is None for a trunk that registers nowhere; `gateways` are by host or host:port as they are
    dialled, in the order of the settings. `granted_seconds` are left of the registration, 0 without one; the next
    REGISTER is due in `next_try_seconds`, None while one is on its way."""

    label: str
    registration: RegistrationState | None
    gateways: Mapping[str, GatewayState] = field(default_factory=dict)
    granted_seconds: float = 0.0
    next_try_seconds: float | None = None

    @property
    def usable(self) -> bool:
        """Whether a call through it may go out: registered, and with a gateway that is not known to be down."""
        registered = self.registration is None or self.registration.registered
        return registered and (not self.gateways or any(one.reachable is not False for one in self.gateways.values()))
