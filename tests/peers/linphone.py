"""linphone as a telephone: Debian's linphonec, steered by lines. It plays a file and records what it hears."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.missing import program
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.process import PeerFailed
from tests.peers.speech import Samples, write_wav

_CONFIG = """\
[sip]
sip_port={sip_port}
sip_tcp_port={tcp_port}
sip_tls_port=0
use_ipv6=0
guess_hostname=0
contact="Lin" <sip:lin@{loopback}>
[rtp]
audio_rtp_port={rtp_port}
[video]
enabled=0
capture=0
display=0
"""


@dataclass(frozen=True, slots=True)
class LinphonePlan:
    """`audio` is what it says while a call is up."""

    folder: Path
    audio: Samples
    sip_port: int = field(default_factory=free_port)
    tcp_port: int = field(default_factory=free_port)
    rtp_port: int = field(default_factory=free_port)

    @property
    def recording(self) -> Path:
        return self.folder / "heard.wav"


class Linphone:
    """A running linphonec."""

    def __init__(self, plan: LinphonePlan, process: asyncio.subprocess.Process) -> None:
        self.plan = plan
        self.said = ""
        """What it has printed since `command` was used last."""
        self._process = process
        self._printed = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout
        while data := await self._process.stdout.read(4096):
            async with self._printed:
                self.said += data.decode(errors="replace")
                self._printed.notify_all()

    def command(self, line: str) -> None:
        """A command of linphonec, such as `call sip:…`, `pause`, `resume`, `terminate`, or a key to press."""
        assert self._process.stdin
        self.said = ""
        self._process.stdin.write(f"{line}\n".encode())

    async def says(self, text: str, *, seconds: float = 15) -> None:
        """Wait until it has printed `text` since the last command. :raises PeerFailed: when it does not in time"""
        try:
            async with asyncio.timeout(seconds), self._printed:
                while text not in self.said:
                    await self._printed.wait()
        except TimeoutError:
            raise PeerFailed(f"linphonec did not say {text!r} within {seconds} s: {self.said}") from None

    async def close(self) -> None:
        self.command("quit")
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading


@asynccontextmanager
async def running_linphone(plan: LinphonePlan) -> AsyncIterator[Linphone]:
    """linphonec while the block runs.

    :raises PeerMissing: when it is not installed
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    ports = {"sip_port": plan.sip_port, "tcp_port": plan.tcp_port, "rtp_port": plan.rtp_port}
    (plan.folder / "linphonerc").write_text(_CONFIG.format(loopback=LOOPBACK, **ports))
    audio = write_wav(plan.folder / "says.wav", plan.audio)
    process = await asyncio.create_subprocess_exec(
        program("linphonec", "linphone-cli"),
        *("-c", str(plan.folder / "linphonerc"), "-C"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "HOME": str(plan.folder)},
    )
    phone = Linphone(plan, process)
    try:
        await phone.says("linphonec>")
        phone.command("soundcard use files")
        await phone.says("Using wav files")
        phone.command(f"ports sip {plan.sip_port}")  # without a word about them it opens none
        phone.command(f"play {audio}")
        phone.command(f"record {plan.recording}")
        yield phone
    finally:
        await phone.close()
