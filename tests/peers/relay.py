"""A bad network between a caller and the gateway: a seeded UDP relay in a process of its own.

    caller  ── SIP, RTP ──►  relay  ── SIP, RTP ──►  gateway

The caller dials the relay's `sip_address` in place of the gateway's. The relay passes the INVITE and its answers on and
puts its own media ports into their session descriptions; later requests go between the two directly. A scripted party
may leave its signalling alone and name `gateway_side` in its own offer, send its RTP to `caller_side`, and tell the
relay its port by `caller_media`; where the gateway listens is then learned from its first packet. One call at a time.

RTCP (RFC 5761: types 192 to 223; else the next port) is delayed as media is, and lost in black holes only.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import json
import os
import queue
import re
import selectors
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.peers.impairment import UNIMPAIRED, Impairer, Impairments
from tests.peers.ports import LOOPBACK, free_port, free_ports

Address = tuple[str, int]
TO_GATEWAY, TO_CALLER = "to_gateway", "to_caller"
_RTCP_TYPES = range(192, 224)
_AUDIO = re.compile(rb"(?m)^(m=audio )(\d+)( )")
_CONNECTION = re.compile(rb"(?m)^(c=IN IP4 )(\S+)")
_RTCP_LINE = re.compile(rb"(?m)^(a=rtcp:)(\d+)( IN IP4 \S+)?")
_LENGTH = re.compile(rb"(?im)^(Content-Length|l)\s*:\s*\d+")
_IDLE_SECONDS = 0.05
_SPIN_SECONDS = 0.0002
"""The last part of a wait, which a sleeping process would oversleep."""


@dataclass(frozen=True, slots=True)
class RelayPlan:
    """`gateway` is where it takes SIP; `seed` decides both directions, each in its own way.

    :param caller_media: RTP port of a caller whose signalling does not come through the relay
    """

    gateway: Address
    seed: int = 1
    to_gateway: Impairments = UNIMPAIRED
    to_caller: Impairments = UNIMPAIRED
    caller_media: int | None = None
    sip_port: int = field(default_factory=free_port)
    caller_side: int = field(default_factory=lambda: free_ports(2)[0])
    gateway_side: int = field(default_factory=lambda: free_ports(2)[0])

    @property
    def sip_address(self) -> str:
        """What the caller dials."""
        return f"{LOOPBACK}:{self.sip_port}"


@dataclass(frozen=True, slots=True)
class DirectionTruth:
    """What the relay did to the media packets of a direction. `late_p999_ms` is how late the relay itself sent them
    after the time at which they were due, of every thousand the worst but one; `late_max_ms` the worst."""

    arrived: int
    lost: int
    duplicated: int
    reordered: int
    late_p999_ms: float
    late_max_ms: float

    @property
    def loss(self) -> float:
        """Part of the packets that was lost."""
        return self.lost / self.arrived if self.arrived else 0.0


class Relay:
    """A running relay."""

    def __init__(self, plan: RelayPlan, process: asyncio.subprocess.Process) -> None:
        self.plan = plan
        self._process = process

    async def impair(self, *, to_gateway: Impairments | None = None, to_caller: Impairments | None = None) -> None:
        """Another network from now on; its times begin with the next packet of the direction."""
        chosen = {TO_GATEWAY: to_gateway, TO_CALLER: to_caller}
        await self._ask({name: one.as_json() for name, one in chosen.items() if one is not None})

    async def truth(self) -> dict[str, DirectionTruth]:
        """What was done so far since `impair` last changed the direction, by direction."""
        answer = await self._ask({})
        return {name: DirectionTruth(**counted) for name, counted in answer.items()}

    async def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        async with asyncio.timeout(5):
            answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return answer


@asynccontextmanager
async def running_relay(plan: RelayPlan) -> AsyncIterator[Relay]:
    """A relay while the block runs."""
    described = {
        "gateway": plan.gateway,
        "seed": plan.seed,
        "caller_media": plan.caller_media,
        "ports": [plan.sip_port, plan.caller_side, plan.gateway_side],
        TO_GATEWAY: plan.to_gateway.as_json(),
        TO_CALLER: plan.to_caller.as_json(),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.peers.relay", json.dumps(described),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout
        async with asyncio.timeout(10):
            if not await process.stdout.readline():
                raise AssertionError("the relay did not start")
        yield Relay(plan, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


# -------------------------------------------------------------------- in the relay's own process


class _Direction:
    """Media one way: packets come to it, wait, and leave by `out` for `target`."""

    def __init__(self, name: str, seed: int, impairments: Impairments) -> None:
        self._seed = f"{seed} {name}"
        self.lateness: list[float] = []
        self.impair(impairments)

    def impair(self, impairments: Impairments) -> None:
        self.impairer = Impairer(impairments, self._seed)
        self.lateness.clear()

    def truth(self) -> dict[str, Any]:
        counted = {name: getattr(self.impairer, name) for name in ("arrived", "lost", "duplicated", "reordered")}
        late = sorted(self.lateness) or [0.0]
        return {**counted, "late_p999_ms": late[int((len(late) - 1) * 0.999)], "late_max_ms": late[-1]}


class _Process:
    """Sockets of both sides, and the packets that wait, by the time at which they are due."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._gateway: Address = (plan["gateway"][0], int(plan["gateway"][1]))
        sip_port, self._caller_side, self._gateway_side = plan["ports"]
        self.directions = {
            name: _Direction(name, plan["seed"], Impairments.from_json(plan[name])) for name in (TO_GATEWAY, TO_CALLER)
        }
        self._selector = selectors.SelectSelector()
        self._waiting: list[tuple[float, int, socket.socket, bytes, Address, _Direction | None]] = []
        self._order = itertools.count()
        self._targets: dict[str, Address | None] = {TO_GATEWAY: None, TO_CALLER: None}
        if plan["caller_media"] is not None:
            self._targets[TO_CALLER] = (LOOPBACK, int(plan["caller_media"]))
        self._learns_gateway = True
        self._caller_sip: Address | None = None
        self._open_signalling(sip_port)
        self._open_media()

    def _open(self, port: int, on_packet: Callable[[bytes, Address], None]) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((LOOPBACK, port))
        one.setblocking(False)
        self._selector.register(one, selectors.EVENT_READ, on_packet)
        return one

    # ---------------------------------------------------------------- signalling

    def _open_signalling(self, port: int) -> None:
        self._to_callers = self._open(port, self._from_caller)
        self._to_gateway = self._open(0, self._from_gateway)

    def _from_caller(self, data: bytes, source: Address) -> None:
        self._caller_sip = source
        described = _media_of(data)
        if described is not None and described != self._targets[TO_CALLER]:  # not the same offer, sent again
            self._targets = {TO_GATEWAY: None, TO_CALLER: described}
            self._learns_gateway = False
        self._to_gateway.sendto(_redirected(data, self._gateway_side), self._gateway)

    def _from_gateway(self, data: bytes, source: Address) -> None:
        described = _media_of(data)
        if described is not None:
            self._targets[TO_GATEWAY] = described
        if self._caller_sip is not None:
            self._to_callers.sendto(_redirected(data, self._caller_side), self._caller_sip)

    # ---------------------------------------------------------------- media

    def _open_media(self) -> None:
        """RTP and RTCP of each side: what comes in at one leaves by the other."""
        for above in (0, 1):
            near: list[socket.socket] = []
            far: list[socket.socket] = []
            near.append(self._open(self._caller_side + above, self._passing(TO_GATEWAY, far, above)))
            far.append(self._open(self._gateway_side + above, self._passing(TO_CALLER, near, above)))

    def _passing(self, name: str, out: list[socket.socket], above: int) -> Callable[[bytes, Address], None]:
        direction = self.directions[name]

        def on_packet(data: bytes, source: Address) -> None:
            now = time.monotonic() * 1000
            if name == TO_CALLER and self._learns_gateway and not above:
                self._targets[TO_GATEWAY] = source
            control = above or (len(data) > 1 and data[1] in _RTCP_TYPES)
            timestamp = int.from_bytes(data[4:8], "big")
            due = direction.impairer.control_packet(now) if control else direction.impairer.packet(now, timestamp)
            target = self._targets[name]
            for at in due if target is not None else ():
                assert target is not None
                place = (at, next(self._order), out[0], data, (target[0], target[1] + above), direction)
                heapq.heappush(self._waiting, place)

        return on_packet

    def turn(self) -> None:
        """Wait for a packet, or for the time at which one is due, and send what is due."""
        wait = self._waiting[0][0] / 1000 - time.monotonic() if self._waiting else _IDLE_SECONDS
        for key, _ in self._selector.select(max(0.0, min(wait - _SPIN_SECONDS, _IDLE_SECONDS))):
            with contextlib.suppress(BlockingIOError, ConnectionError):
                data, source = key.fileobj.recvfrom(65536)  # type: ignore[union-attr]
                key.data(data, source)
        now = time.monotonic() * 1000
        while self._waiting and self._waiting[0][0] <= now:
            at, _, out, data, target, direction = heapq.heappop(self._waiting)
            with contextlib.suppress(OSError):
                out.sendto(data, target)
            if direction is not None:
                direction.lateness.append(now - at)

    def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        truth = {name: direction.truth() for name, direction in self.directions.items()}
        for name, impairments in command.items():
            self.directions[name].impair(Impairments.from_json(impairments))
        return truth


def _media_of(message: bytes) -> Address | None:
    """Where the sender of a SIP message wants its audio."""
    audio, connection = _AUDIO.search(message), _CONNECTION.search(message)
    return (connection[2].decode(), int(audio[2])) if audio and connection else None


def _redirected(message: bytes, port: int) -> bytes:
    """The message with its audio described at our port."""
    head, blank, body = message.partition(b"\r\n\r\n")
    if not _AUDIO.search(body):
        return message
    body = _AUDIO.sub(rb"\g<1>%d\g<3>" % port, body, count=1)
    body = _CONNECTION.sub(rb"\g<1>" + LOOPBACK.encode(), body)
    body = _RTCP_LINE.sub(rb"\g<1>%d IN IP4 %s" % (port + 1, LOOPBACK.encode()), body)
    head = _LENGTH.sub(rb"\g<1>: %d" % len(body), head)
    return head + blank + body


def _first_in_line() -> None:
    """Goes before what else runs on the machine, where that is allowed."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def main() -> None:
    process = _Process(json.loads(sys.argv[1]))
    commands: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            commands.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    _first_in_line()
    print("ready", flush=True)
    while True:
        process.turn()
        if not commands.empty():
            print(json.dumps(process.obey(json.loads(commands.get()))), flush=True)


if __name__ == "__main__":
    main()
