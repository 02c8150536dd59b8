"""What a worker is doing, for operators. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class WorkerState(StrEnum):
    """`starting`: its process has not said yet where it serves; `lost`: nobody answers there."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    FROZEN = "frozen"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker now. `pid` is None for one elsewhere; `calls` are those of this gateway; `cpu` is in cores."""

    name: str
    address: str
    pid: int | None
    state: WorkerState
    calls: int
    capacity: int
    cpu: float


def state_of(*, attached: bool, draining: bool, frozen: bool, starting: bool) -> WorkerState:
    """The state of a worker.

    :param frozen: it stood still when it was attached last
    :param starting: its process has not announced an address yet
    """
    if starting:
        return WorkerState.STARTING
    if not attached:
        return WorkerState.FROZEN if frozen else WorkerState.LOST
    return WorkerState.DRAINING if draining else WorkerState.READY
