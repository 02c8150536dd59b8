"""A softphone made by others: pjsua2's wheel from PyPI, in its own virtual environment and process.

Its pjsua2 and ours cannot live in one process. It plays WAV files, records what it hears, presses keys, holds, and
tells when the far end speaks.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.peers.cache import exclusive, peers_folder
from tests.peers.missing import PeerMissing
from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.peers.process import PeerFailed

REQUIREMENT = "pjsua2-python==2.15.1.post1"
_SCRIPT = Path(__file__).with_name("softphone_script.py")


def softphone_python() -> Path:
    """The interpreter of the softphone's virtual environment, made on first use.

    :raises PeerMissing: when the wheel cannot be installed
    """
    folder = peers_folder() / f"softphone-{sys.version_info.major}.{sys.version_info.minor}"
    python, receipt = folder / "bin/python", folder / ".requirement"
    with exclusive("softphone"):
        if receipt.exists() and receipt.read_text() == REQUIREMENT:
            return python
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(python), "-m", "pip", "install", "-q", "--only-binary=:all:", REQUIREMENT],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise PeerMissing(f"the softphone ({REQUIREMENT}) cannot be installed: {done.stderr.strip()[-300:]}")
        receipt.write_text(REQUIREMENT)
    return python


@dataclass(frozen=True, slots=True)
class SoftphonePlan:
    """`codecs` in pjsua's names, best first. With a password it registers at `domain` (host:port), else it does not."""

    folder: Path
    user: str = "phone"
    domain: str = LOOPBACK
    password: str = ""
    transport: str = "udp"
    codecs: tuple[str, ...] = ("PCMU",)
    clock_rate: int = 8000
    record: bool = True
    sip_port: int = field(default_factory=free_port)
    rtp_ports: tuple[int, int] = field(default_factory=lambda: free_ports(8))

    @property
    def recording(self) -> Path:
        return self.folder / "heard.wav"


class Softphone:
    """A running softphone. `events` holds everything that it reported, oldest first."""

    def __init__(self, plan: SoftphonePlan, process: asyncio.subprocess.Process) -> None:
        self.plan = plan
        self.events: list[dict[str, Any]] = []
        self._process = process
        self._arrived = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())
        self._seen = 0

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            if line.startswith(b"{"):
                async with self._arrived:
                    self.events.append(json.loads(line))
                    self._arrived.notify_all()
        async with self._arrived:
            self._arrived.notify_all()

    def _send(self, **command: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write((json.dumps(command) + "\n").encode())

    def dial(self, uri: str, headers: Mapping[str, str] | None = None) -> None:
        self._send(do="dial", uri=uri, headers=dict(headers or {}))

    def answer(self, status: int = 200) -> None:
        self._send(do="answer", status=status)

    def play(self, file: Path) -> None:
        self._send(do="play", file=str(file))

    def echo(self, loss_db: float | None) -> None:
        """Send back what is heard, this much weaker, as a line with a bad hybrid does; None sends nothing back."""
        self._send(do="echo", level=0.0 if loss_db is None else 10 ** (-loss_db / 20))

    def hold(self) -> None:
        self._send(do="hold")

    def unhold(self) -> None:
        self._send(do="unhold")

    def press(self, digits: str) -> None:
        self._send(do="digits", digits=digits)

    def hang_up(self, status: int = 603) -> None:
        self._send(do="hangup", status=status)

    async def wait_for(self, *names: str, seconds: float = 15) -> dict[str, Any]:
        """The next event of one of these names that was not returned before; events before it are passed over.

        :raises PeerFailed: when none comes in time, or the softphone ended or reported an error
        """
        event = await self.next_event(*names, seconds=seconds)
        if event is None:
            raise PeerFailed(f"no {' or '.join(names)} within {seconds} s; {self._history()}")
        return event

    async def next_event(self, *names: str, seconds: float) -> dict[str, Any] | None:
        """As `wait_for`, with None when no such event comes in time."""
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline), self._arrived:
                while (event := self._unseen(names)) is None:
                    if self._reader.done():
                        raise PeerFailed(f"the softphone ended while waiting for {names}; {self._history()}")
                    await self._arrived.wait()
                return event
        except TimeoutError:
            return None

    def _unseen(self, names: tuple[str, ...]) -> dict[str, Any] | None:
        while self._seen < len(self.events):
            event = self.events[self._seen]
            self._seen += 1
            if event["event"] in names:
                return event
            if event["event"] == "error":
                raise PeerFailed(f"softphone: {event['text']}")
        return None

    def _history(self) -> str:
        return f"events so far: {[event['event'] for event in self.events]}, log {self.plan.folder / 'softphone.log'}"

    async def far_end_spoke(self, *, seconds: float = 20, quiet_seconds: float = 1.0) -> None:
        """Wait until the far end has spoken, and then said nothing for `quiet_seconds` more."""
        await self.wait_for("far-silence", seconds=seconds)
        while await self.next_event("far-speech", seconds=quiet_seconds):
            await self.wait_for("far-silence", seconds=seconds)

    async def say(self, file: Path, *, seconds: float = 20) -> None:
        """Play a file and wait for its end."""
        self.play(file)
        await self.wait_for("played", seconds=seconds)

    async def close(self) -> None:
        if self._process.returncode is None:
            self._send(do="quit")
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader


@asynccontextmanager
async def running_softphone(plan: SoftphonePlan) -> AsyncIterator[Softphone]:
    """A softphone that is ready, and registered when its plan has a password.

    :raises PeerMissing: when it cannot be installed
    """
    python = await asyncio.to_thread(softphone_python)
    plan.folder.mkdir(parents=True, exist_ok=True)
    settings = asdict(plan) | {
        "folder": str(plan.folder),
        "record": str(plan.recording) if plan.record else "",
        "log": str(plan.folder / "softphone.log"),
    }
    with (plan.folder / "softphone.err").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            str(python),
            str(_SCRIPT),
            json.dumps(settings),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    phone = Softphone(plan, process)
    try:
        await phone.wait_for("ready")
        if plan.password:
            event = await phone.wait_for("registration")
            if event["status"] != 200:
                raise PeerFailed(f"the softphone could not register: {event}")
        yield phone
    finally:
        await phone.close()
