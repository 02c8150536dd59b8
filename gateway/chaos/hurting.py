"""Carries a fault out."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.chaos.office import Office
from gateway.chaos.plan import Fault, Kind, Part
from gateway.chaos.processes import Process
from gateway.chaos.relay import Relay
from gateway.errors import ParleyError

_HOG = "import os\nwhile os.getppid() == {}: pass"
"""Ends when we do."""


async def hurt(office: Office, fault: Fault) -> str:
    """Do it, and put it right after its time; returns who it met.

    What is killed begins again at once, as under systemd.
    """
    if fault.part == Part.WORKER:
        worker = await office.busiest()
        await _part(worker.process, worker.relay, fault)
        return worker.process.name
    if fault.part in (Part.API, Part.GATEWAY):
        process = office.api if fault.part == Part.API else office.gateway
        await _part(process, office.api_relay, fault)
        return process.name
    doing = {Kind.LOCK: _locked, Kind.FILL: _full, Kind.BUSY: _busy}[fault.kind]
    async with doing(office):
        await asyncio.sleep(fault.seconds)
    return fault.part


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
    """As many programs as there are processors, at our own priority."""
    command = [sys.executable, "-c", _HOG.format(os.getpid())]
    hogs = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]  # noqa: ASYNC220, S603  our own
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
