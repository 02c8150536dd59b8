"""baresip as a second softphone with other habits than pjsua2's: G.711, G.722 or Opus, hold, DTMF.

Debian's baresip 1.0.0, steered by JSON in netstrings over its `ctrl_tcp` module. It speaks from the moment the call is
answered and records what it hears.
"""

from __future__ import annotations

import asyncio
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from tests.peers.missing import PeerMissing, program
from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.peers.process import ChildProcess, PeerFailed
from tests.peers.speech import RATE as SPEECH_RATE
from tests.peers.speech import Samples

_MODULES = "g711 g722 opus aufile aubridge sndfile uuid"
_CONFIG = """\
poll_method epoll
sip_listen {loopback}:{sip_port}
sip_transports udp,tcp
net_interface {loopback}
call_local_timeout 30
call_max_calls 4
audio_source aufile,{audio}
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
audio_level no
ausrc_srate {rate}
auplay_srate {rate}
rtp_ports {rtp_first}-{rtp_last}
rtcp_mux no
jitter_buffer_delay 2-4
snd_path {folder}
ctrl_tcp_listen {loopback}:{control_port}
{modules}
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""


@dataclass(frozen=True, slots=True)
class BaresipPlan:
    """`codec` in baresip's form, name/Hz/channels: PCMU/8000/1, G722/16000/1, opus/48000/2. `audio` is what it says."""

    folder: Path
    audio: Samples
    codec: str = "PCMU/8000/1"
    transport: str = "udp"
    sip_port: int = field(default_factory=free_port)
    control_port: int = field(default_factory=free_port)
    rtp_ports: tuple[int, int] = field(default_factory=lambda: free_ports(16))

    @property
    def rate(self) -> int:
        return int(self.codec.split("/")[1])

    @property
    def channels(self) -> int:
        return int(self.codec.split("/")[2])


class Baresip:
    """A running baresip. `events` holds what it reported."""

    def __init__(self, plan: BaresipPlan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.plan = plan
        self.events: list[dict[str, Any]] = []
        self._writer = writer
        self._arrived = asyncio.Condition()
        self._reading = asyncio.create_task(self._read(reader))
        self._seen = 0

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                message = json.loads(await reader.readexactly(length))
                await reader.readexactly(1)
                async with self._arrived:
                    self.events.append(message)
                    self._arrived.notify_all()

    def command(self, name: str, parameters: str = "") -> None:
        """One of baresip's long commands, such as dial, hangup, hold, resume, sndcode."""
        data = json.dumps({"command": name, "params": parameters, "token": name}).encode()
        self._writer.write(f"{len(data)}:".encode() + data + b",")

    def dial(self, uri: str) -> None:
        self.command("dial", uri + (";transport=tcp" if self.plan.transport == "tcp" else ""))

    async def wait_for(self, *types: str, seconds: float = 15) -> dict[str, Any]:
        """The next event of one of these types (baresip's names, such as CALL_ESTABLISHED) not returned before.

        :raises PeerFailed: when none comes in time
        """
        try:
            async with asyncio.timeout(seconds), self._arrived:
                while True:
                    while self._seen < len(self.events):
                        self._seen += 1
                        if self.events[self._seen - 1].get("type") in types:
                            return self.events[self._seen - 1]
                    await self._arrived.wait()
        except TimeoutError:
            raise PeerFailed(f"baresip: no {' or '.join(types)} within {seconds} s; events: {self.events}") from None

    def recording(self) -> Path:
        """What it heard in its last call (written by baresip's sndfile module at the call's own rate)."""
        return max(self.plan.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)

    async def close(self) -> None:
        self._writer.close()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading


@asynccontextmanager
async def running_baresip(plan: BaresipPlan) -> AsyncIterator[Baresip]:
    """baresip while the block runs.

    :raises PeerMissing: when it is not installed
    :raises PeerFailed: when it does not start
    """
    executable = program("baresip", "baresip")
    _write_configuration(plan, _modules())
    child = await ChildProcess.start([executable, "-f", str(plan.folder)], log=plan.folder / "baresip.log")
    try:
        reader, writer = await _control(plan, child)
        phone = Baresip(plan, reader, writer)
        try:
            yield phone
        finally:
            await phone.close()
    finally:
        await child.stop()


def _modules() -> Path:
    folder = Path("/usr/lib/baresip/modules")
    if not folder.is_dir():
        raise PeerMissing(f"baresip's modules are not in {folder}: install Debian's baresip.")
    return folder


def _write_configuration(plan: BaresipPlan, modules: Path) -> None:
    plan.folder.mkdir(parents=True, exist_ok=True)
    loading = "\n".join(f"module {name}.so" for name in _MODULES.split())
    config = _CONFIG.format(
        loopback=LOOPBACK,
        sip_port=plan.sip_port,
        control_port=plan.control_port,
        rtp_first=plan.rtp_ports[0],
        rtp_last=plan.rtp_ports[1],
        rate=plan.rate,
        audio=_write_audio(plan),
        folder=plan.folder,
        modules=f"module_path {modules}\n{loading}",
    )
    (plan.folder / "config").write_text(config)
    account = f"<sip:baresip@{LOOPBACK};transport={plan.transport}>;regint=0;audio_codecs={plan.codec}\n"
    (plan.folder / "accounts").write_text(account)
    (plan.folder / "contacts").write_text("")


def _write_audio(plan: BaresipPlan) -> Path:
    """baresip plays a file only at the codec's own rate and channels."""
    samples = np.asarray(soxr.resample(plan.audio, SPEECH_RATE, plan.rate)).astype(np.int16)
    path = plan.folder / "says.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(plan.channels)
        file.setsampwidth(2)
        file.setframerate(plan.rate)
        file.writeframes(np.repeat(samples, plan.channels).tobytes())
    return path


async def _control(plan: BaresipPlan, child: ChildProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for _ in range(100):
        child.require_running()
        with suppress(OSError):
            return await asyncio.open_connection(LOOPBACK, plan.control_port)
        await asyncio.sleep(0.05)
    raise PeerFailed(f"baresip did not open its control port within 5 s.\n{child.tail()}")
