"""What the gateway asks of the endpoint where calls come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gateway.call.dialog import KeptDialog
from gateway.call.entrance import Arrival
from gateway.call.leg import Leg
from gateway.call.outgoing import Trunks
from gateway.errors import CallRefused
from gateway.trunk.settings import TrunkSettings


class Registered(Protocol):
    """The part of `RegistrationState` that the gateway uses."""

    @property
    def registered(self) -> bool:
        """The registration stands."""

    @property
    def status(self) -> int:
        """SIP status of the registrar's last answer, 0 before the first."""

    @property
    def reason(self) -> str:
        """And its reason."""


class Endpoint(Trunks, Protocol):
    """The part of `SipEndpoint` that the gateway uses."""

    async def start(self) -> None:
        """Take calls from here on."""

    async def set_trunks(self, trunks: Sequence[TrunkSettings]) -> None:
        """Those that there are from now on, beside those of the settings. :raises ParleyError: one is not usable"""

    async def end_dialog(self, dialog: KeptDialog, reason: str) -> int:
        """Send BYE in a dialog of an earlier process; returns the final status. :raises LegError: it cannot be sent"""

    def registrations(self) -> Mapping[str, Registered]:
        """What each trunk's registrar said last."""

    def admit_by(
        self,
        admit: Callable[[Arrival], None],
        refused: Callable[[CallRefused, Arrival], None],
        staffed: Callable[[], bool],
    ) -> None:
        """Who decides about each call that comes, is told of those that were refused, and knows whether a worker is
        there for any; on any thread."""

    def media_late_ms(self) -> float:
        """How late the media clock was at worst since the last time this was asked."""

    def stop_accepting(self) -> None:
        """Refuse new calls."""

    async def close(self) -> None:
        """End everything."""


EndpointMaker = Callable[[Callable[[Leg], None]], Endpoint]
"""Makes the endpoint, given where its inbound legs go."""
