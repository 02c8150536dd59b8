"""Child processes on this machine, workers and the api: started, watched, started again, ended with us."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

import structlog
from prometheus_client import Counter

from gateway.errors import LinkError

log = structlog.get_logger(__name__)

READY_SECONDS = 300.0
"""From start to the announced address: models may be loaded first."""
STOP_SECONDS = 10.0
"""From SIGTERM to SIGKILL."""
CHECK_SECONDS = 0.5
"""Between looks at whether the process still runs."""
STABLE_SECONDS = 60.0
"""A process that lived this long starts again without back-off."""
BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_LINE_LIMIT = 1 << 20
_ADDRESS = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+):(\d{1,5})\s*$")


def announced_address(line: str) -> str | None:
    """The address in a line that a child prints: JSON with `address`, or text that ends with host:port."""
    try:
        announcement = json.loads(line)
    except ValueError:
        match = _ADDRESS.search(line)
        return match[0].strip() if match else None
    address = announcement.get("address") if isinstance(announcement, dict) else None
    return address if isinstance(address, str) else None


class ChildProcess:
    """One supervised process.

    `run` keeps it running until cancelled, then ends it.

    :param name: for logs
    :param command: program and arguments; it prints its address on standard output when it serves
    :param serve: awaited with the address, for as long as the process lives: cancelled when it ends
    :param restarts: counts each new start
    :param heard: gets each line that it prints until it is ready
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        serve: Callable[[str], Awaitable[None]],
        *,
        restarts: Counter,
        heard: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.name = name
        self._restarts = restarts
        self._heard = heard
        self._command = [sys.executable, "-m", "gateway.link.child", str(os.getpid()), *command]
        self._serve = serve
        self._process: asyncio.subprocess.Process | None = None
        self.stillborn = False
        """Its only life so far ended before it was ready."""
        self.retiring = False
        """This life of it is the last one."""
        self._gone = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and running else None

    def retire(self) -> None:
        """Have it end by itself (SIGTERM), and start it no more: `run` returns when it has ended."""
        if not self.retiring:
            self.retiring = True
            self.terminate()

    def terminate(self) -> None:
        """Have this life of it end by itself."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.pid is not None:
            self._process.send_signal(number)

    async def ended(self) -> None:
        """Wait until `run` has returned."""
        await self._gone.wait()

    async def run(self) -> None:
        """Start, watch, start again."""
        try:
            await self._keep_running()
        finally:
            self._gone.set()

    async def _keep_running(self) -> None:
        failures = lives = 0
        loop = asyncio.get_running_loop()
        while not self.retiring:
            started = loop.time()
            try:
                await self._live()
            except LinkError as error:
                self.stillborn = lives == 0
                log.error("process failed", child=self.name, detail=str(error))
            if self.retiring:
                return
            lives += 1
            failures = 0 if loop.time() - started >= STABLE_SECONDS else failures + 1
            self._restarts.inc()
            await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1] if failures else 0)

    async def _live(self) -> None:
        """One life of the process, from its start to its end."""
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, limit=_LINE_LIMIT
        )
        self._process = process
        try:
            address = await self._ready(process)
            self.stillborn = False
            log.info("process ready", child=self.name, pid=process.pid, address=address)
            await self._while_alive(process, address)
        finally:
            await _end(process)
        (log.info if self.retiring else log.warning)(
            "process ended", child=self.name, pid=process.pid, status=process.returncode
        )

    async def _ready(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                async for raw in process.stdout:
                    line = raw.decode(errors="replace").strip()
                    self._heard(line)
                    if address := announced_address(line):
                        return address
        except TimeoutError:
            raise LinkError(f"{self.name} announced no address within {READY_SECONDS:.0f} s; see its log.") from None
        raise LinkError(f"{self.name} ended before it was ready (status {await process.wait()}); see its log.")

    async def _while_alive(self, process: asyncio.subprocess.Process, address: str) -> None:
        assert process.stdout is not None
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(_awaited(self._serve(address)), name=f"{self.name} link")
            await _until_ended(process, process.stdout)
            serving.cancel()


async def _until_ended(process: asyncio.subprocess.Process, output: asyncio.StreamReader) -> None:
    """Read on, or a process that prints would stop at a full pipe. The pipe's end is not the process's end, because
    children of it may hold it."""
    while process.returncode is None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                if not await output.read(65536):
                    await process.wait()
        except TimeoutError:
            continue


async def _awaited(serving: Awaitable[None]) -> None:
    await serving


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
