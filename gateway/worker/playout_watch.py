"""Waits for the end of utterances."""

from __future__ import annotations

from collections.abc import Callable

from gateway.link.v1 import link_pb2 as pb

_OVER = (pb.PlayoutReport.STATE_FINISHED, pb.PlayoutReport.STATE_CUT)


class PlayoutWatch:
    """Knows which utterances of a call are over. They play in the order of their ids: with one, all before it are."""

    def __init__(self) -> None:
        self._over = 0
        self._waiting: list[tuple[int, Callable[[], None]]] = []

    def when_over(self, utterance: int, step: Callable[[], None]) -> None:
        """Do something when the utterance was heard to its end or cut; at once when it is over already."""
        if utterance <= self._over:
            step()
        else:
            self._waiting.append((utterance, step))

    def reported(self, report: pb.PlayoutReport) -> None:
        """Take what the gateway tells of an utterance."""
        if report.state in _OVER and report.utterance > self._over:
            self._over = report.utterance
            due = [step for utterance, step in self._waiting if utterance <= self._over]
            self._waiting = [waiting for waiting in self._waiting if waiting[0] > self._over]
            for step in due:
                step()
