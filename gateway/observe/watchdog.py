"""Whether the process still does its work, told from the heartbeats of its threads.

A stuck owner thread or media thread leaves the event loop running and the port open: the process looks well and takes
no call. So systemd gets a sign of life only while every part that must move has moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

_log = structlog.get_logger(__name__)


def stuck_parts(heartbeats: Mapping[str, int], *, now_ns: int, limit_ns: int) -> frozenset[str]:
    """The parts that have not moved for longer than `limit_ns`.

    :param heartbeats: monotonic time in ns at which each part last moved; 0 for one that has not started
    """
    return frozenset(part for part, beat_ns in heartbeats.items() if beat_ns and now_ns - beat_ns > limit_ns)


def beat_seconds(watchdog_seconds: float | None) -> float:
    """Time between judgements: a third of systemd's limit, so that one late beat does no harm; 1 s without one."""
    return watchdog_seconds / 3 if watchdog_seconds else 1.0


class Watchdog:
    """Judges heartbeats, passes the sign of life on while all is well, and logs each change once.

    :param heartbeats: where the parts' last moves are read
    :param alive: called at each judgement that finds nothing stuck
    :param limit_ns: how old a heartbeat may be
    """

    def __init__(
        self, heartbeats: Callable[[], Mapping[str, int]], alive: Callable[[], None], *, limit_ns: int
    ) -> None:
        self._heartbeats = heartbeats
        self._alive = alive
        self._limit_ns = limit_ns
        self.stuck: frozenset[str] = frozenset()
        """Parts that did not move, at the last judgement."""

    def judge(self, now_ns: int) -> None:
        """Look at the heartbeats at monotonic time `now_ns`."""
        stuck = stuck_parts(self._heartbeats(), now_ns=now_ns, limit_ns=self._limit_ns)
        for part in sorted(stuck - self.stuck):
            _log.error("a part of the gateway no longer moves", part=part)
        for part in sorted(self.stuck - stuck):
            _log.warning("a part of the gateway moves again", part=part)
        self.stuck = stuck
        if not stuck:
            self._alive()
