"""What all calls of a gateway share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.call.apology import Apologies
from gateway.call.calls import Calls
from gateway.call.disk import Disk
from gateway.call.placement import Workers
from gateway.call.prices import Price
from gateway.plane.spool import Spool
from gateway.settings import RtpSettings


@dataclass(frozen=True, slots=True)
class CallServices:
    """`spool` takes the events to the control plane, `prices` and `rtp` are those of the settings, `now` is the wall
    clock."""

    workers: Workers
    calls: Calls
    disk: Disk
    apologies: Apologies
    recording: bool = True
    event_recording: bool = True
    spool: Spool | None = None
    prices: Sequence[Price] = ()
    rtp: RtpSettings = field(default_factory=RtpSettings)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
