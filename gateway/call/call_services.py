"""What all calls of a gateway share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from gateway.call.calls import Calls
from gateway.call.disk import Disk
from gateway.call.leg import Leg
from gateway.call.outgoing import Begun
from gateway.call.phrases import Phrases
from gateway.call.placement import Workers
from gateway.call.prices import Price
from gateway.call.transfer.plan import Verb
from gateway.call.transfer.verb import Choice
from gateway.errors import DialRefused
from gateway.plane.spool import Spool
from gateway.recording.settings import RecordingSettings
from gateway.settings import RtpSettings

if TYPE_CHECKING:
    from gateway.call.session import Call


class Dial(Protocol):
    """Dials the human of a transfer, who is to be made part of the call inside the block."""

    def __call__(self, destination: Mapping[str, Any], call: Call) -> AbstractAsyncContextManager[Begun]:
        """:raises ParleyError: nobody may be called there, or there is no place"""


def refer_always(destination: Mapping[str, Any], leg: Leg) -> Choice:
    """Who dials nobody asks the far end."""
    return Choice(Verb.REFER, "this gateway dials nobody")


def dials_for_nobody(leg: Leg) -> bool:
    """Callers whom nobody here answers are told by 302 whom to call."""
    return False


@asynccontextmanager
async def dial_nobody(destination: Mapping[str, Any], call: Call) -> AsyncIterator[Begun]:
    """:raises DialRefused: always"""
    raise DialRefused("This gateway dials nobody.")
    yield


@dataclass(frozen=True, slots=True)
class CallServices:
    """`spool` takes the events to the control plane, `prices` and `rtp` are those of the settings, `now` is the wall
    clock, `client` fetches what users name by URL, `verb` chooses how a caller on this leg gets to a destination,
    `dials_on` tells whether one whom nobody here answers does so by a call of ours."""

    workers: Workers
    calls: Calls
    disk: Disk
    phrases: Phrases
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    spool: Spool | None = None
    prices: Sequence[Price] = ()
    rtp: RtpSettings = field(default_factory=RtpSettings)
    dial: Dial = dial_nobody
    verb: Callable[[Mapping[str, Any], Leg], Choice] = refer_always
    dials_on: Callable[[Leg], bool] = dials_for_nobody
    client: httpx.AsyncClient | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
