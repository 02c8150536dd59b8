"""The processes of one run: started here, and only these are ever touched."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import SetupError

_PR_SET_PDEATHSIG = 1
_END_SECONDS = 8.0
_USUAL = os.getpriority(os.PRIO_PROCESS, 0)
_AHEAD = 10
_TAIL = 2000
"""Characters of a log that are shown when something did not start."""


@contextmanager
def ahead_of_others() -> Iterator[None]:
    """While the block runs this process goes first, where that is allowed: callers who are held up are misheard."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _USUAL - _AHEAD)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, _USUAL)


def at_usual_priority(niceness: int = 0) -> None:
    """In a child: the priority that this process had at first, or one that is lower by `niceness`."""
    os.setpriority(os.PRIO_PROCESS, 0, _USUAL + niceness)


@dataclass(slots=True)
class Process:
    """`parley …` as a child, which the kernel kills when we are gone; its output goes to a log.

    :param arguments: what follows `parley`
    :param niceness: as under `parley serve`, where workers come after the gateway
    """

    name: str
    arguments: Sequence[str]
    log: Path
    niceness: int = 0
    lives: int = 0
    _running: subprocess.Popen[bytes] | None = field(default=None)
    _stopped: bool = False

    @property
    def alive(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        """Begin a life of it."""
        self.lives += 1
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(  # noqa: S603  the command is our own
                [sys.executable, "-m", "gateway.cli", *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=self._prepare,
            )

    def _prepare(self) -> None:
        """In the child, before the program: the kernel is to kill it when the thread that started it ends."""
        at_usual_priority(self.niceness)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def kill(self) -> None:
        """As the kernel would."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)
        self._stopped = True

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)
        self._stopped = False

    async def end(self) -> None:
        """SIGTERM, and SIGKILL for one that does not listen."""
        if self._running is None:
            return
        if self._stopped:
            self.thaw()
        self._signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._running.wait, _END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def said(self, text: str) -> bool:
        """Whether this stands in its log."""
        return text in self.log.read_text(errors="replace")

    def require_alive(self) -> None:
        """:raises SetupError: it has ended, with the end of its log"""
        if not self.alive:
            raise SetupError(f"{self.name} ended: {self.log.read_text(errors='replace')[-_TAIL:]}")

    def _signal(self, number: signal.Signals) -> None:
        if self._running is not None and self.alive:
            self._running.send_signal(number)
