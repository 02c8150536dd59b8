"""`parley drain` and `parley workers restart`: processes that go down in good order, and who is left in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import typer

from gateway.commands.status import duration
from gateway.control.client import ControlClient
from gateway.control.messages import LiveCall, WorkerReport
from gateway.errors import NoGateway
from gateway.link.worker_state import WorkerState
from gateway.settings import Settings

LOOK_SECONDS = 0.5
NAMED = 5
"""Calls that are named in a line."""


def drain_gateway(settings: Settings) -> None:
    """Let the gateway go down, and print who is left until it has ended.

    :raises NoGateway: when none runs here
    """
    with ControlClient(settings.data_dir) as gateway:
        gateway.drain()
        typer.echo(f"The gateway takes no new calls; those that are live have {settings.drain_seconds:.0f} s.")
        try:
            _follow(lambda: told(gateway.live()))
        except NoGateway:
            typer.echo("The gateway has ended.")


def drain_worker(settings: Settings, worker: str) -> None:
    """Let a worker go down, and print how many calls it has until it has none.

    :raises NoGateway: when no gateway runs here
    :raises ParleyError: it has no worker of that name or address
    """
    with ControlClient(settings.data_dir) as gateway:
        before = _find(gateway.status().workers, worker)
        gateway.drain_worker(worker)
        typer.echo(f"{worker} takes no new calls.")

        def left() -> str | None:
            now = _find(gateway.status().workers, worker)
            if now is None or before is None or now.pid != before.pid or now.state is WorkerState.LOST:
                return None
            return f"{now.calls} calls left" if now.calls or now.state is WorkerState.DRAINING else ""

        _follow(left)
        typer.echo(f"{worker} has ended.")


def restart_workers(settings: Settings) -> bool:
    """Replace the local workers; prints each step, and returns whether all were replaced.

    :raises NoGateway: when none runs here
    :raises ParleyError: it has no local worker, or they are being restarted already
    """
    complete = False
    with ControlClient(settings.data_dir) as gateway:
        for step in gateway.restart_workers():
            typer.echo(step.text)
            complete = bool(step.complete)
    return complete


def told(calls: Sequence[LiveCall]) -> str:
    """Who is left, in a line."""
    if not calls:
        return "0 calls left"
    named = [f"{call.id[:8]} ({duration(call.clock_ms / 1000)}, {call.assistant})" for call in calls[:NAMED]]
    more = f" and {len(calls) - NAMED} more" if len(calls) > NAMED else ""
    return f"{len(calls)} calls left: {', '.join(named)}{more}"


def _find(workers: Sequence[WorkerReport], wanted: str) -> WorkerReport | None:
    return next((worker for worker in workers if wanted in (worker.name, worker.address)), None)


def _follow(left: Callable[[], str | None]) -> None:
    """Print what is left whenever its number changes, until that is None."""
    last = ""
    while (line := left()) is not None:
        if line.split(":")[0] != last:
            last = line.split(":")[0]
            if line:
                typer.echo(line)
        time.sleep(LOOK_SECONDS)
