"""Carries a fault out."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.chaos.office import Office
from gateway.chaos.plan import Fault, Kind, Part
from gateway.chaos.processes import Process, at_usual_priority
from gateway.chaos.relay import Relay
from gateway.errors import ParleyError

SPARE_SECONDS = 30.0
"""For another worker to be ready, before one is hurt."""
_LOOK_SECONDS = 0.1
_HOG = "import os\nwhile os.getppid() == {}: pass"
"""Ends when we do."""


async def hurt(office: Office, fault: Fault) -> str:
    """Do it, and put it right after its time; returns who it met.

    What is killed begins again at once, as under systemd.
    """
    if fault.part == Part.WORKER:
        return await _worker(office, fault)
    if fault.part in (Part.API, Part.GATEWAY):
        process = office.api if fault.part == Part.API else office.gateway
        await _part(process, office.api_relay, fault)
        return process.name
    doing = {Kind.LOCK: _locked, Kind.FILL: _full, Kind.BUSY: _busy}[fault.kind]
    async with doing(office):
        await asyncio.sleep(fault.seconds)
    return fault.part


async def _worker(office: Office, fault: Fault) -> str:
    """A worker that begins takes seconds, and on a busy machine more: until then the one that is left is not hurt."""
    deadline = time.monotonic() + (0 if fault.alone else SPARE_SECONDS)
    worker, alone = await office.busiest()
    while alone and len(office.workers) > 1 and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
        worker, alone = await office.busiest()
    await _part(worker.process, worker.relay, fault)
    return f"{worker.process.name}, alone" if alone else worker.process.name


async def _part(process: Process, relay: Relay, fault: Fault) -> None:
    if fault.kind == Kind.KILL:
        process.kill()
        process.start()
        return
    async with _frozen(process) if fault.kind == Kind.FREEZE else _impaired(relay, fault):
        await asyncio.sleep(fault.seconds)


@asynccontextmanager
async def _frozen(process: Process) -> AsyncIterator[None]:
    process.freeze()
    try:
        yield
    finally:
        process.thaw()


@asynccontextmanager
async def _impaired(relay: Relay, fault: Fault) -> AsyncIterator[None]:
    if fault.kind == Kind.CUT:
        relay.cut()
    else:
        relay.delay_seconds = fault.ms / 1000
    try:
        yield
    finally:
        relay.mend()


@asynccontextmanager
async def _locked(office: Office) -> AsyncIterator[None]:
    connection = await asyncio.to_thread(office.lock)
    try:
        yield
    finally:
        connection.close()


@asynccontextmanager
async def _full(office: Office) -> AsyncIterator[None]:
    if office.disk is None:
        raise ParleyError("There is no small disk that could be filled.")
    await asyncio.to_thread(office.disk.fill)
    try:
        yield
    finally:
        office.disk.empty()


@asynccontextmanager
async def _busy(office: Office) -> AsyncIterator[None]:
    """As many programs as there are processors, at the gateway's priority."""
    command = [sys.executable, "-c", _HOG.format(os.getpid())]
    hogs = [
        subprocess.Popen(command, preexec_fn=at_usual_priority)  # noqa: ASYNC220, S603  our own
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
