"""`parley status`: the gateway that runs here, and its workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import typer

from gateway.control.client import ControlClient
from gateway.control.messages import GatewayProcess, StatusReport
from gateway.control.status import READY
from gateway.link.worker_state import WorkerState
from gateway.settings import Settings

_BROKEN = (WorkerState.FROZEN, WorkerState.LOST)


def run(settings: Settings, *, as_json: bool) -> bool:
    """Print what the processes do; returns whether all is well.

    :raises NoGateway: when none runs here
    """
    with ControlClient(settings.data_dir) as gateway:
        report = gateway.status()
    if as_json:
        typer.echo(report.model_dump_json(by_alias=True, indent=2))
    else:
        for line in told(report):
            typer.echo(line)
    return healthy(report)


def healthy(report: StatusReport) -> bool:
    """Whether every gateway takes calls, and no worker is frozen or lost. One that starts or drains is no harm."""
    taking = all(gateway.state == READY for gateway in report.gateways)
    return taking and not any(worker.state in _BROKEN for worker in report.workers)


def told(report: StatusReport) -> Iterator[str]:
    """The report as a table."""
    rows = [("process", "pid", "state", "calls", "cpu", "")]
    for gateway in report.gateways:
        unusable = [trunk.name for trunk in gateway.trunks if not trunk.usable]
        trunks = f", {len(gateway.trunks)} trunks" if gateway.trunks else ""
        trunks += f" ({', '.join(unusable)} NOT usable)" if unusable else ""
        about = f"version {gateway.version}, up {duration(gateway.uptime)}{trunks}"
        rows.append(("gateway", str(gateway.pid), gateway.state, f"{gateway.calls}/{gateway.capacity}", "", about))
    for worker in report.workers:
        pid = "" if worker.pid is None else str(worker.pid)
        address = "" if worker.address == worker.name else worker.address
        places = f"{worker.calls}/{worker.capacity}"
        rows.append((worker.name, pid, worker.state, places, f"{worker.cpu:.2f}", address))
    yield from _aligned(rows)
    for gateway in report.gateways:
        yield from _troubles(gateway)


def _troubles(gateway: GatewayProcess) -> Iterator[str]:
    """What an operator should know of, in sentences."""
    if gateway.refused:
        told = sorted(gateway.refused.items(), key=lambda one: -one[1])
        yield "refused calls: " + ", ".join(f"{count} {reason}" for reason, count in told)
    if gateway.events is not None and not gateway.events.attached:
        waits = f"{gateway.events.waiting} events and {gateway.events.journals} journals wait"
        yield f"control plane NOT attached: {waits}"
    yield from gateway.complaints


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03, or 2:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
