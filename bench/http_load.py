"""Load on an HTTP server, from a process of its own: `python -m bench.http_load REQUEST.json` prints what it found.

Each connection is kept alive and asks again as soon as it was answered. The client does as little as it can: it shares
the machine with what it measures.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.peers.ports import LOOPBACK
from tests.peers.process import ChildProcess, PeerFailed

_NICENESS = 5
"""As the servers': a client elsewhere would take nothing from the calls."""
_SPARE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Load:
    """One request, made over and over. `body` is sent as JSON."""

    port: int
    method: str
    path: str
    key: str = ""
    body: Mapping[str, Any] | None = None
    seconds: float = 8
    connections: int = 8


@dataclass(frozen=True, slots=True)
class Served:
    """What came of it: the time of each answer in ms, and how many had which status."""

    seconds: float
    ms: list[float]
    statuses: dict[str, int]

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.ms) / self.seconds


async def load(folder: Path, wanted: Load) -> Served:
    """Make it in a process of its own. :raises PeerFailed: when it does not end well"""
    request, log = folder / "load.json", folder / "load.log"
    request.write_text(json.dumps(asdict(wanted)))
    log.unlink(missing_ok=True)
    child = await ChildProcess.start([sys.executable, "-m", "bench.http_load", str(request)], log=log)
    if await child.finished(seconds=wanted.seconds + _SPARE_SECONDS):
        raise PeerFailed(f"the load on {wanted.path} failed.\n{child.tail()}")
    return Served(**json.loads(log.read_text()))


async def _make(wanted: Load) -> Served:
    started = time.perf_counter()
    until = started + wanted.seconds
    ms: list[float] = []
    statuses: Counter[str] = Counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(wanted.connections):
            group.create_task(_connection(wanted, until, ms, statuses))
    return Served(time.perf_counter() - started, ms, dict(statuses))


async def _connection(wanted: Load, until: float, ms: list[float], statuses: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, wanted.port)
    request = _request(wanted)
    while (asked := time.perf_counter()) < until:
        writer.write(request)
        status = await _answer(reader)
        ms.append((time.perf_counter() - asked) * 1000)
        statuses[status] += 1
    writer.close()


def _request(wanted: Load) -> bytes:
    body = b"" if wanted.body is None else json.dumps(wanted.body).encode()
    lines = [f"{wanted.method} {wanted.path} HTTP/1.1", f"Host: {LOOPBACK}", f"Authorization: Bearer {wanted.key}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _answer(reader: asyncio.StreamReader) -> str:
    """Its status; its body is read to the end. All these servers give its length."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return head[9:12].decode()


def main() -> None:
    """Make the load that the file tells."""
    os.nice(_NICENESS)
    wanted = Load(**json.loads(Path(sys.argv[1]).read_text()))
    sys.stdout.write(json.dumps(asdict(asyncio.run(_make(wanted)))))


if __name__ == "__main__":
    main()
