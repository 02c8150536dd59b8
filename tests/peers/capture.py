"""Captures UDP on the loopback interface with tcpdump, so that times are those of the kernel and no peer is trusted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.peers.missing import PeerMissing, program
from tests.peers.pcap import Datagram, read_datagrams
from tests.peers.process import ChildProcess

_BUFFER_KIB = 16384
_SNAP_BYTES = 400
"""Enough for a 20 ms G.711 packet with every header; longer datagrams are cut in the capture."""


BLOCK_SECONDS = 1.1
"""tcpdump takes packets from the kernel in blocks, at least once a second."""


class Capture:
    """What was captured; while the capture goes on, the last `BLOCK_SECONDS` of it may still be missing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def datagrams(self) -> list[Datagram]:
        return read_datagrams(self.path)


@asynccontextmanager
async def capture(folder: Path, *, ports: tuple[int, int], snap_bytes: int = _SNAP_BYTES) -> AsyncIterator[Capture]:
    """Capture UDP to or from the ports first…last on lo while the block runs.

    :raises PeerMissing: when tcpdump is not there or may not capture
    """
    path = folder / f"capture-{ports[0]}.pcap"
    tcpdump = program("tcpdump", "tcpdump")
    arguments = [tcpdump, "-i", "lo", "-n", "-U", "-s", str(snap_bytes), "-B", str(_BUFFER_KIB)]
    arguments += ["--time-stamp-precision=nano", "-w", str(path)]
    if os.geteuid() == 0:
        arguments += ["-Z", "root"]  # else it becomes its own user, who may not write into the test's folder
    arguments.append(f"udp portrange {ports[0]}-{ports[1]}")
    child = await ChildProcess.start(arguments, log=folder / "tcpdump.log")
    try:
        await _listening(child)
        yield Capture(path)
        await asyncio.sleep(BLOCK_SECONDS)
    finally:
        await child.stop()


async def _listening(child: ChildProcess) -> None:
    for _ in range(100):
        if "listening on" in child.tail():
            return
        if not child.running:
            raise PeerMissing(f"tcpdump may not capture here, run the tests as root: {child.tail(1)}")
        await asyncio.sleep(0.05)
    await child.stop()
    raise PeerMissing("tcpdump did not start capturing within 5 s.")
