"""Watches over a live call's audio: tells when it goes one way only, ends the call when the far end is gone."""

from __future__ import annotations

import asyncio
import audioop
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Protocol

from gateway.call.leg import MediaStatistics
from gateway.errors import LegError
from gateway.media.audio import SAMPLE_BYTES
from gateway.media.one_way import Began, Finding, Look, OneWayAudio, TimedOut
from gateway.observe.metrics import ONE_WAY_AUDIO
from gateway.settings import RtpSettings

_SECONDS = 1.0
_FRAMES = 60
"""Caller audio that is looked at each time: a look's and a little of the one before."""
_DIGITAL_SILENCE = 8
"""Loudest sample of a line on which nobody is: the smallest step of A-law, which has no zero."""


_TURNS = 10
"""All watches look in this many turns of a second: the stack is woken once for those of a turn."""


def _until_turn(now: float, seconds: float) -> float:
    """Seconds to the turn that comes `seconds` from now, or a little later."""
    step = seconds / _TURNS
    return seconds + step - now % step


class Counting(Protocol):
    """The leg, as far as it is needed here."""

    async def statistics(self) -> MediaStatistics | None: ...


class MediaWatch:
    """Of one call, from `run` on.

    :param rtp: when the far end is gone
    :param recent: the caller's latest frames, newest first
    :param tell: writes a note into the journal
    :param end: ends the call because nothing comes from the caller
    """

    def __init__(
        self,
        leg: Counting,
        rtp: RtpSettings,
        *,
        recent: Callable[[], Iterable[bytes]],
        tell: Callable[[Mapping[str, Any]], None],
        end: Callable[[], None],
        seconds: float = _SECONDS,
    ) -> None:
        self._leg = leg
        now = asyncio.get_running_loop().time()
        self._audio = OneWayAudio(start_timeout=rtp.start_timeout_seconds, timeout=rtp.timeout_seconds, now=now)
        self._recent = recent
        self._tell = tell
        self._end = end
        self._seconds = seconds
        self._held = False

    def hold(self, held: bool) -> None:
        """The far end holds us, or took us back."""
        self._held = held
        self._audio.hold(held, asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Look once a second until nobody wants it, or the far end is gone; a leg without RTP is not watched."""
        self.hold(self._held)  # time counts from here; a call may be on hold before it is looked at
        while True:
            await asyncio.sleep(_until_turn(asyncio.get_running_loop().time(), self._seconds))
            try:
                counted = await self._leg.statistics()
            except LegError:
                continue
            if counted is None:
                counted = MediaStatistics("", 0, 0, 0, 0, 0.0, None, over_rtp=True)
            elif not counted.over_rtp:
                return
            for finding in self._audio.look(self._look(counted)):
                self._act(finding)
                if isinstance(finding, TimedOut):
                    return

    def _look(self, counted: MediaStatistics) -> Look:
        return Look(
            asyncio.get_running_loop().time(),
            packets=counted.packets_received,
            payload_bytes=counted.bytes_received,
            reports=counted.reports_received,
            sent=counted.packets_sent,
            lost_remote=counted.packets_lost_remote,
            sound=any(audioop.max(frame, SAMPLE_BYTES) > _DIGITAL_SILENCE for frame in islice(self._recent(), _FRAMES)),
        )

    def _act(self, finding: Finding) -> None:
        if isinstance(finding, TimedOut):
            self._tell({"event": "media-timeout", "seconds": finding.seconds})
            self._end()
            return
        began = isinstance(finding, Began)
        if began:
            ONE_WAY_AUDIO.labels(finding.sense).inc()
        self._tell({"event": "one-way-audio" if began else "one-way-audio-over", "sense": finding.sense.value})
