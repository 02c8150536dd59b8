"""Child processes of tests: started with their output in a file, ended by their own id, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path


class PeerFailed(AssertionError):
    """A peer did not start or did not do its part; the message holds the end of its output."""


class ChildProcess:
    """A process of its own session, so that a signal of the terminal does not reach it before its owner acts."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, log: Path) -> None:
        self.process = process
        self.name = name
        self.log = log

    @classmethod
    async def start(
        cls, arguments: Sequence[str], *, log: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> ChildProcess:
        """Start `arguments`; standard output and error go to the file `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                env=dict(env) if env is not None else None,
                start_new_session=True,
            )
        return cls(process, Path(arguments[0]).name, log)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    async def stop(self, *, seconds: float = 5, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, wait, kill it when it has not ended by then; returns its exit status."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(how)
        try:
            return await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()

    async def finished(self, *, seconds: float) -> int:
        """Wait for its own end; returns its exit status.

        :raises PeerFailed: when it still runs after `seconds`; it is killed
        """
        try:
            return await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise PeerFailed(f"{self.name} did not end within {seconds} s.\n{self.tail()}") from None

    def tail(self, lines: int = 30) -> str:
        """The end of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def require_running(self) -> None:
        """:raises PeerFailed: when it has ended"""
        if not self.running:
            raise PeerFailed(f"{self.name} ended with status {self.process.returncode}.\n{self.tail()}")
