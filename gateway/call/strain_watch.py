"""Measures what the machine suffers from, for `gateway.call.strain`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.call.admission import Admission
from gateway.call.strain import Measure
from gateway.observe import metrics
from gateway.observe.machine import MachineMeter, open_files

log = structlog.get_logger(__name__)

BEAT_SECONDS = 0.05
"""Between two looks at how late the event loop is."""
BEATS = 10
"""From one measurement to the next."""
FILES_PER_CALL = 6
"""RTP, RTCP, journal, recording, events, capture."""
FILES_KEPT = 24
"""For everything that is no call: REST, the control socket, a worker that comes back, a database."""


class StrainWatch:
    """:param calls: places in use
    :param media_late_ms: how late the media clock was at worst since the last time it was asked
    """

    def __init__(self, admission: Admission, *, calls: Callable[[], int], media_late_ms: Callable[[], float]) -> None:
        self._admission = admission
        self._calls = calls
        self._media_late_ms = media_late_ms
        self._machine = MachineMeter()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._measured(await self._loop_late_ms())

    async def _loop_late_ms(self) -> float:
        """The worst of some beats."""
        loop = asyncio.get_running_loop()
        worst = 0.0
        for _ in range(BEATS):
            begun = loop.time()
            await asyncio.sleep(BEAT_SECONDS)
            worst = max(worst, loop.time() - begun - BEAT_SECONDS)
        return worst * 1000

    def _measured(self, loop_late_ms: float) -> None:
        now = asyncio.get_running_loop().time()
        values = {
            Measure.PROCESSOR: self._machine.processor(now),
            Measure.MEMORY: self._machine.memory(),
            Measure.MEDIA_CLOCK: self._media_late_ms(),
            Measure.EVENT_LOOP: loop_late_ms,
        }
        for measure, value in values.items():
            metrics.STRAIN.labels(measure).set(value)
        # the SIP stack tells when none is free; what lasts is that it does not
        values[Measure.RTP_PORTS] = 0.0
        for measure, begins in self._admission.strain.measured(values, now):
            log.warning("calls are refused" if begins else "calls are taken again", because=measure)
        used, most = open_files()
        room = max(0, most - FILES_KEPT - used) // FILES_PER_CALL
        self._admission.file_places = self._calls() + room
