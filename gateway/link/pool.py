"""All workers of this gateway, and which of them takes the next call."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Collection, Coroutine, Sequence
from itertools import count

import grpc
import structlog

from gateway.errors import LinkError, NoWorker
from gateway.link.link import WorkerLink
from gateway.link.local_worker import LocalWorker
from gateway.link.processes import READY_SECONDS, ChildProcess
from gateway.link.pulse import Pulses
from gateway.link.rolling import RollingRestart
from gateway.link.v1 import link_pb2 as pb
from gateway.link.v1 import link_pb2_grpc as rpc
from gateway.link.worker_state import WorkerStatus, state_of
from gateway.settings import WorkerSettings

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 5
"""Told to a caller who is refused because no worker is free."""
LOOK_SECONDS = 0.1
"""Between looks at whether a worker drains."""
BACK_AT_ONCE = 2
"""Calls that are asked back from draining workers at each look: a worker that takes calls over has others to serve."""
DRAIN_SECONDS = 300.0
ASK_SECONDS = 5.0
"""For a worker elsewhere to answer that it drains."""


def worker_command(settings: WorkerSettings, arguments: Sequence[str] = ()) -> list[str]:
    """Program and arguments of a local worker.

    :param arguments: what `parley worker` needs to see the same settings as this process
    """
    return [sys.executable, "-m", "gateway.cli", "worker", "--listen", settings.listen, *arguments]


class WorkerPool:
    """Workers at configured addresses, and local processes.

    :param settings: how many local processes, which addresses
    :param command: program and arguments of a local worker
    :param drain_seconds: which a local worker that is replaced has for its calls
    """

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        command: Sequence[str] | None = None,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        self._settings = settings
        self._command = command or worker_command(settings)
        self._drain_seconds = drain_seconds
        self.pulses = Pulses()
        self._links = [
            WorkerLink(address, address, capacity=settings.capacity, pulses=self.pulses)
            for address in settings.addresses
        ]
        self.local: list[LocalWorker] = []
        for _ in range(settings.count):
            self._add_local()
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._restart: RollingRestart | None = None
        self._going_down = False

    @property
    def links(self) -> Sequence[WorkerLink]:
        """Every worker that is known now."""
        return tuple(self._links)

    @property
    def processes(self) -> Sequence[ChildProcess]:
        """The local ones."""
        return tuple(worker.process for worker in self.local)

    @property
    def ready(self) -> bool:
        """Whether a worker could take a call."""
        return any(link.available for link in self._links)

    @property
    def staffed(self) -> bool:
        """Whether a worker is there, be it full: whoever asks will find a place again."""
        return any(link.attached and not link.load.draining for link in self._links)

    def start(self) -> None:
        """Attach to all, start the local ones."""
        for link in self._links:
            self._own(link.run(), f"link {link.name}")
        for worker in self.local:
            self._run(worker)
        self._own(self._watch(), "draining workers")

    async def wait_ready(self, timeout: float) -> bool:
        """Wait until a worker could take a call; false when none could within `timeout` seconds, or none will."""
        try:
            async with asyncio.timeout(timeout):
                while not self.ready and not self.hopeless:  # noqa: ASYNC110  a changing list, asked once at start
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return False
        return self.ready

    @property
    def hopeless(self) -> bool:
        """Whether every worker is a local process that could not even start."""
        processes = self.processes
        return bool(processes) and not self._settings.addresses and all(process.stillborn for process in processes)

    def choose(self, tried: Collection[WorkerLink] = ()) -> WorkerLink:
        """The least loaded worker that is healthy, not draining and not in `tried`.

        :raises NoWorker: when none is left
        """
        candidates = [link for link in self._links if link.available and link not in tried]
        if not candidates:
            raise NoWorker("No worker takes the call.", retry_after=RETRY_AFTER_SECONDS)
        # Equal ones in turn, or the first would take all the calls of a quiet day.
        self._turn += 1
        turn = self._turn % len(candidates)
        return min(candidates[turn:] + candidates[:turn], key=lambda link: link.share)

    def status(self) -> list[WorkerStatus]:
        """Every worker now, local ones first."""
        local = [self._status(one.link, one.name, one) for one in self.local]
        links = {one.link for one in self.local}
        return local + [self._status(link, link.name) for link in self._links if link not in links]

    def _status(self, link: WorkerLink | None, name: str, local: LocalWorker | None = None) -> WorkerStatus:
        load = link.load if link is not None else pb.Load(capacity=self._settings.capacity)
        state = state_of(
            attached=link is not None and link.attached,
            draining=load.draining or (local is not None and local.process.retiring),
            frozen=link is not None and link.stood_still,
            starting=link is None,
        )
        return WorkerStatus(
            name=name,
            address=link.address if link is not None else "",
            pid=local.process.pid if local is not None else None,
            state=state,
            calls=link.calls if link is not None else 0,
            capacity=load.capacity,
            cpu=load.cpu,
        )

    async def close(self) -> None:
        """Detach and end the local processes."""
        self.go_down()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    # ------------------------------------------------------------ draining and replacing

    def go_down(self) -> None:
        """The gateway goes down: no worker is replaced any more."""
        self._going_down = True

    async def drain(self, worker: str) -> None:
        """Have a worker drain and end; a local one is replaced.

        :param worker: name or address
        :raises LinkError: there is none of that name, or it does not answer
        """
        local = next((one for one in self.local if worker in (one.name, one.link.address if one.link else "")), None)
        if local is not None:
            local.process.terminate()
            return
        link = next((one for one in self._links if worker in (one.name, one.address)), None)
        if link is None:
            names = ", ".join(status.name for status in self.status()) or "none"
            raise LinkError(f"There is no worker {worker}; there is {names}.")
        try:
            async with grpc.aio.insecure_channel(link.address, options=[("grpc.enable_http_proxy", 0)]) as channel:
                await rpc.ConversationStub(channel).Drain(pb.DrainRequest(), timeout=ASK_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise LinkError(f"The worker {link.name} does not answer: {error.details()}.") from error

    def restart(self) -> RollingRestart:
        """Replace the local workers one after the other, each by a process that reads the settings anew.

        :raises LinkError: there is none, or a restart is under way
        """
        if not self.local:
            raise LinkError("There is no local worker (worker.count is 0); name one with `parley drain WORKER`.")
        if self._restart is not None and not self._restart.over:
            raise LinkError("The workers are being restarted already; `parley status` shows how far that is.")
        self._restart = RollingRestart(self)
        self._own(self._restart.run(), "restart of workers")
        return self._restart

    async def replace(self, old: LocalWorker) -> LocalWorker:
        """Start a new process; when it is ready, the old one drains and ends.

        :raises LinkError: it is not ready in time; the old one goes on
        """
        new = self._add_local()
        self._run(new)
        try:
            await self._until_ready(new, old)
        except LinkError:
            self._runs[new.name].cancel()
            self.local.remove(new)
            raise
        await old.retire(self._drain_seconds)
        self.local.remove(old)
        return new

    async def _until_ready(self, new: LocalWorker, old: LocalWorker) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                while not (new.link and new.link.available):
                    if new.process.stillborn:
                        break
                    await asyncio.sleep(LOOK_SECONDS)
                else:
                    return
        raise LinkError(f"The new process {new.name} does not get ready (its log tells why); {old.name} goes on.")

    async def _watch(self) -> None:
        """Ask draining workers for their calls, and put others in the place of those that were told to drain."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if any(link.load.draining for link in self._links):
                self._ask_back()
                if not self._going_down:
                    self._replace_draining()

    def _ask_back(self) -> None:
        """As many calls as the others have places for."""
        draining = [link for link in self._links if link.attached and link.load.draining]
        places = sum(link.free for link in self._links) - sum(link.asked_back for link in draining)
        wanted = min(places, BACK_AT_ONCE)
        staying = [call for link in draining for call in link.staying]
        for call in staying[: max(0, wanted)]:
            call.ask_back()

    def _replace_draining(self) -> None:
        for old in list(self.local):
            if old.draining and not old.process.retiring:
                log.info("worker drains and is replaced", worker=old.name)
                old.process.retiring = True
                self._run(self._add_local())
                self._own(self._forget(old), f"end of {old.name}")

    async def _forget(self, old: LocalWorker) -> None:
        await old.retire(self._drain_seconds)
        self.local.remove(old)

    # ------------------------------------------------------------ tasks

    def _add_local(self) -> LocalWorker:
        used = {worker.name for worker in self.local}
        name = next(name for name in (f"worker-{number}" for number in count(1)) if name not in used)
        worker = LocalWorker(name, self._command, self._settings.capacity, self._links, self.pulses)
        self.local.append(worker)
        return worker

    def _run(self, worker: LocalWorker) -> None:
        self._runs[worker.name] = self._own(worker.run(), worker.name)

    def _own(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            log.error("worker supervision ended", task=task.get_name(), exc_info=fault)
