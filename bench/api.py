"""The REST API's speed and the delay of webhooks while calls go on, and whether the calls notice."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from starlette.responses import Response

from bench.http_load import Load, Served, load
from bench.report import Figure, Rate, Report, Target
from tests.interop.continuity import from_ports, to_ports
from tests.interop.product import Product, ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers import speech
from tests.peers.capture import capture
from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.peers.process import ChildProcess, PeerFailed
from tests.peers.rtp import RtpStream, pacing
from tests.peers.sipp import SippPlan, running_sipp
from tests.webhooks.hooks import Hook, hook

SUMMARY = "requests per second of the REST API, delay of webhooks, and RTP meanwhile, at 20 conversations"
METHOD = (
    "20 SIPp calls that speak (PCMU, one question every 4 s, answered in tones, a webhook for each message); SQLite; 8 "
    "kept connections of one client process ask as fast as they are answered, first GET then POST of one assistant; "
    "the same client asks a bare FastAPI application in the same run; a webhook's delay is from its event to "
    "its arrival; RTP gaps are of captured packets, without and with this load"
)
CALLS = 20
_KEY = "bench-0123456789abcdef0123456789abcdef"
_CALLS_SECONDS = 60
_QUIET_SECONDS, _LOAD_SECONDS, _BARE_SECONDS = 10, 8, 4
_GAP_MS = 40.0
"""Wider than this a listener's jitter buffer may run empty."""
ASSISTANT: Mapping[str, Any] = {
    "name": "Order desk",
    "firstMessage": "Hello {{customer.name}}, what can I do for you?",
    "model": {
        "provider": "openai",
        "model": "gpt-4o",
        "temperature": 0.3,
        "messages": [{"role": "system", "content": "You take orders of a bakery. " * 20}],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "lookup_order",
                    "description": "Looks up an order.",
                    "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
                },
                "server": {"url": "https://hooks.example.com/tools"},
            }
        ],
    },
    "voice": {"provider": "11labs", "voiceId": "burt", "model": "eleven_flash_v2_5"},
    "transcriber": {"provider": "deepgram", "model": "nova-3", "language": "en"},
    "server": {"url": "https://hooks.example.com/vapi", "timeoutSeconds": 20},
    "endCallPhrases": ["goodbye", "have a nice day"],
    "analysisPlan": {"summaryPlan": {"enabled": True}},
}
"""What a user of the API would keep: 1.5 kB."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """GET and POST of one server."""

    get: Served
    create: Served


@dataclass(frozen=True, slots=True)
class Wire:
    """The RTP of all calls over some seconds: gaps between neighbouring packets in ms, and packets that are missing."""

    ours: np.ndarray[tuple[int], np.dtype[np.float64]]
    theirs: np.ndarray[tuple[int], np.dtype[np.float64]]
    lost: int
    underruns: float

    def figures(self, when: str) -> list[Figure | Rate]:
        """:param when: which seconds"""
        wide = int((self.ours > _GAP_MS).sum())
        return [
            Figure.of(f"gaps of our RTP, {when}", self.ours.tolist()),
            Rate.of(f"gaps above {_GAP_MS:.0f} ms, {when}", wide, len(self.ours)),
        ]


async def measure(folder: Path) -> Report:
    """Run it; about a minute and a half."""
    arrivals: list[float] = []

    def arrived(_: int) -> Response:
        arrivals.append(time.time() * 1000)
        return Response()

    async with (
        hook(arrived) as server,
        running_product(_plan(folder, server.url)) as product,
        _bare(folder) as bare,
        _conversations(product, folder) as completed,
    ):
        started = len(arrivals)
        async with _wire(product, folder / "quiet") as quiet:
            await asyncio.sleep(_QUIET_SECONDS)
        before = len(arrivals)
        async with _wire(product, folder / "loaded") as loaded:
            ours = await _exchange(folder, _port(product), _LOAD_SECONDS)
        delays = _delays(server, arrivals)
        theirs = await _exchange(folder, bare, _BARE_SECONDS)
    found = _Found(ours, theirs, delays[started:before], delays[before:], quiet[0], loaded[0])
    return found.report(completed[0])


@dataclass(frozen=True, slots=True)
class _Found:
    """Delays are of webhooks, in ms."""

    ours: Exchange
    bare: Exchange
    quiet_delays: Sequence[float]
    loaded_delays: Sequence[float]
    quiet: Wire
    loaded: Wire

    def report(self, completed: int) -> Report:
        """:param completed: calls that came to their end"""
        figures = [
            *_figures("Parley", self.ours),
            Figure.of("webhook, no requests", self.quiet_delays),
            Figure.of("webhook, under load", self.loaded_delays),
            *self.quiet.figures("no requests"),
            *self.loaded.figures("under load"),
        ]
        reference = [
            *_figures("bare FastAPI", self.bare),
            Figure.of("gaps of SIPp's RTP, no requests", self.quiet.theirs.tolist()),
            Figure.of("gaps of SIPp's RTP, under load", self.loaded.theirs.tolist()),
        ]
        return Report("api", METHOD, figures, reference, self._notes(completed), targets=self._targets())

    def _notes(self, completed: int) -> list[str]:
        gets, creates = (one.rate / other.rate for one, other in self._pairs())
        every = (self.ours.get, self.ours.create, self.bare.get, self.bare.create)
        wrong = [f"answers by status: {one.statuses}" for one in every if set(one.statuses) - {"200", "201"}]
        return [
            f"{completed} of {CALLS} calls were completed",
            f"of the bare application's rate: GET {100 * gets:.0f} %, POST {100 * creates:.0f} %",
            f"packets of ours that are missing: {self.quiet.lost} and, under load, {self.loaded.lost}; utterances that "
            f"waited for audio: {self.quiet.underruns:.0f} and, under load, {self.loaded.underruns:.0f}",
            *wrong,
        ]

    def _pairs(self) -> list[tuple[Served, Served]]:
        return [(self.ours.get, self.bare.get), (self.ours.create, self.bare.create)]

    def _targets(self) -> list[Target]:
        get, create = self.ours.get, self.ours.create
        return [
            Target("GET one, per second", get.rate, 500, "/s", at_least=True),
            Target("GET one, p99", float(np.percentile(get.ms, 99)), 50),
            Target("create, per second", create.rate, 150, "/s", at_least=True),
            Target("create, p99", float(np.percentile(create.ms, 99)), 50),
            Target("webhook from its event, median", float(np.median(self.quiet_delays)), 50),
        ]


def _figures(whose: str, exchange: Exchange) -> list[Figure]:
    made = (("GET one", exchange.get), ("create", exchange.create))
    rates = [Figure.of(f"{what}, {whose}", [served.rate], unit="/s") for what, served in made]
    return [*rates, *(Figure.of(f"{what}, {whose}", served.ms) for what, served in made)]


def _plan(folder: Path, hook_url: str) -> ProductPlan:
    assistant = {**fake_assistant(reply="one two three"), "server": {"url": hook_url}}
    changes: dict[str, dict[str, Any]] = {
        "sip": {"max_calls": 2 * CALLS},
        "api": {"enabled": True, "port": free_port(), "bootstrap_key": _KEY},
        "media": {"port": free_port()},
    }
    return ProductPlan(folder / "parley", assistant, changes=changes, rtp_ports=free_ports(8 * CALLS))


def _port(product: Product) -> int:
    api = product.plan.changes["api"]
    assert isinstance(api, Mapping)
    return int(api["port"])


@asynccontextmanager
async def _bare(folder: Path) -> AsyncIterator[int]:
    """The port of the bare application."""
    port = free_port()
    child = await ChildProcess.start([sys.executable, "-m", "bench.bare_api", str(port)], log=folder / "bare.log")
    try:
        await _taking(port, child)
        yield port
    finally:
        await child.stop()


async def _taking(port: int, child: ChildProcess) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(100):
            child.require_running()
            try:
                await client.get(f"http://{LOOPBACK}:{port}/")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
    raise PeerFailed(f"{child.name} does not answer.\n{child.tail()}")


@asynccontextmanager
async def _conversations(product: Product, folder: Path) -> AsyncIterator[list[int]]:
    """`CALLS` that go on while the block runs; afterwards the list has how many were completed."""
    audio = speech.join(speech.synthetic("Can you hear me?"), speech.silence(3000))
    calls = SippPlan(
        "talking_call",
        product.address,
        folder / "sipp",
        calls=CALLS,
        at_once=CALLS,
        rate=20,
        hold_ms=_CALLS_SECONDS * 1000,
        audio=audio,
    )
    completed: list[int] = []
    async with running_sipp(calls) as running:
        await product.wait_until_active(CALLS, seconds=30)
        await asyncio.sleep(2)
        yield completed
        if await product.metric("parley_calls_active") != CALLS:
            raise PeerFailed("calls ended before everything was measured: the machine is too busy.")
        completed.append((await running.result(seconds=_CALLS_SECONDS)).successful)


async def _exchange(folder: Path, port: int, seconds: float) -> Exchange:
    headers = {"Authorization": f"Bearer {_KEY}"}
    async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", headers=headers) as client:
        kept = (await client.post("/assistant", json=dict(ASSISTANT))).raise_for_status().json()["id"]
    get = await load(folder, Load(port, "GET", f"/assistant/{kept}", _KEY, seconds=seconds))
    return Exchange(get, await load(folder, Load(port, "POST", "/assistant", _KEY, ASSISTANT, seconds)))


def _delays(server: Hook, arrivals: Sequence[float]) -> list[float]:
    """Of the webhooks in the order of their arrival, in ms."""
    return [at - post.message["timestamp"] for post, at in zip(server.posts, arrivals, strict=False)]


@asynccontextmanager
async def _wire(product: Product, folder: Path) -> AsyncIterator[list[Wire]]:
    """Captures while the block runs; afterwards the list has what was found."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    ports, found = product.plan.rtp_ports, list[Wire]()
    before = await product.metric("parley_playout_underruns_total")
    async with capture(folder, ports=ports) as captured:
        yield found
    underruns = await product.metric("parley_playout_underruns_total") - before
    datagrams = captured.datagrams()
    ours = from_ports(datagrams, ports)
    lost = sum(pacing(stream.packets).lost for stream in ours)
    found.append(Wire(_gaps(ours), _gaps(to_ports(datagrams, ports)), lost, underruns))


def _gaps(streams: Sequence[RtpStream]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    times = [np.array([packet.at_ns for packet in stream.packets]) for stream in streams]
    return np.concatenate([np.diff(each) / 1e6 for each in times])
