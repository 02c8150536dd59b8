"""A gateway for tests: speaks the link protocol over a real gRPC stream, and plays on a 20 ms clock."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx

from gateway.assistant.assistant import Assistant
from gateway.egress.guard import Guard
from gateway.link.v1 import link_pb2 as pb
from gateway.link.v1 import link_pb2_grpc as rpc
from gateway.media.audio import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, SAMPLE_BYTES
from gateway.providers.registry import Providers
from gateway.worker.server import Worker

SILENCE = bytes(FRAME_BYTES)
WAIT_SECONDS = 30.0
LOOPBACK = Guard(["127.0.0.0/8", "::1"])
"""Servers of tests are where assistants of the control plane may not go without leave."""


@dataclass
class PlayedUtterance:
    """An utterance as the test gateway has it."""

    id: int
    text: str
    interruptible: bool
    turn: int
    samples: int = 0
    complete: bool = False
    position: int = 0
    state: int = pb.PlayoutReport.STATE_UNSPECIFIED
    pcm: bytearray = field(default_factory=bytearray)

    @property
    def over(self) -> bool:
        return self.state in (pb.PlayoutReport.STATE_FINISHED, pb.PlayoutReport.STATE_CUT)


class PeerCall:
    """One call of the test gateway. `tick` it every 20 ms; `events` is all that the worker sent, in order."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.events: list[pb.WorkerEvent] = []
        self.out: list[pb.GatewayEvent] = []
        self.utterances: dict[int, PlayedUtterance] = {}
        self.tick_count = 0
        self.answered = False
        self.keeps = True
        """Its disk works."""
        self.paused: int | None = None
        self.first_audio_ms: dict[int, int] = {}
        self._audio: list[bytes] = []
        self._changed = asyncio.Event()

    # ------------------------------------------------------------ what a test does

    def send(self, **event: Any) -> None:
        self.out.append(pb.GatewayEvent(call=self.number, **event))

    def start(self, assistant: Assistant | dict[str, Any], **fields: Any) -> None:
        data = assistant if isinstance(assistant, dict) else assistant.model_dump(by_alias=True, exclude_none=True)
        fields.setdefault("direction", pb.DIRECTION_INBOUND)
        self.send(start=pb.StartCall(call_id=f"call-{self.number}", assistant_json=json.dumps(data), **fields))

    def answer(self) -> None:
        self.answered = True
        self.send(answered=pb.Answered(at_ms=self.now))

    def speak(self, pcm: bytes) -> int:
        """Queue caller audio; returns the call clock at which it will have ended."""
        frames = [pcm[i : i + FRAME_BYTES] for i in range(0, len(pcm), FRAME_BYTES)]
        self._audio += [frame.ljust(FRAME_BYTES, b"\0") for frame in frames]
        return self.now + len(self._audio) * FRAME_MS

    def pause(self, *, onset_ms: int, pause: int = 1, decide_ms: int = 500) -> None:
        playing = self.playing
        assert playing is not None, "nothing plays that could be paused"
        self.paused = playing.id
        self.send(
            pause=pb.PauseNotice(
                pause=pause,
                onset_ms=onset_ms,
                at_ms=self.now,
                utterance=playing.id,
                position=playing.position,
                decide_by_ms=onset_ms + decide_ms,
            )
        )

    def end(self, reason: str = "customer-ended-call") -> None:
        self.send(end=pb.EndCall(at_ms=self.now, reason=reason))

    @property
    def now(self) -> int:
        return self.tick_count * FRAME_MS

    @property
    def playing(self) -> PlayedUtterance | None:
        return next((u for _, u in sorted(self.utterances.items()) if not u.over), None)

    async def until(self, condition: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
        """Wait for what the worker sends to fulfil a condition."""
        async with asyncio.timeout(seconds):
            while not (result := condition()):
                self._changed.clear()
                await self._changed.wait()
        return result

    def of(self, kind: str) -> list[Any]:
        """The worker's events of one kind."""
        return [getattr(event, kind) for event in self.events if event.WhichOneof("event") == kind]

    def journal(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(entry.json) for entry in self.of("journal") if entry.kind == kind]

    def texts(self) -> list[str]:
        return [utterance.text for utterance in self.utterances.values()]

    # ------------------------------------------------------------ the media clock

    def tick(self) -> None:
        """20 ms pass."""
        self._play()
        if self.answered:
            frame = self._audio.pop(0) if self._audio else SILENCE
            self.send(audio=pb.CallerAudio(at_ms=self.now, pcm=frame))
            self.tick_count += 1
        self._changed.set()

    def _play(self) -> None:
        utterance = self.playing
        if utterance is None or utterance.id == self.paused or not self.answered:
            return
        available = min(FRAME_SAMPLES, utterance.samples - utterance.position)
        if available:
            self.first_audio_ms.setdefault(utterance.turn, self.now)
        utterance.position += available
        done = utterance.complete and utterance.position >= utterance.samples
        if done:
            self.report(utterance, pb.PlayoutReport.STATE_FINISHED)
        elif available and (utterance.state != pb.PlayoutReport.STATE_PLAYING or self.tick_count % 5 == 0):
            self.report(utterance, pb.PlayoutReport.STATE_PLAYING)

    def report(self, utterance: PlayedUtterance, state: pb.PlayoutReport.State.ValueType) -> None:
        utterance.state = state
        self.send(
            playout=pb.PlayoutReport(at_ms=self.now, utterance=utterance.id, position=utterance.position, state=state)
        )

    # ------------------------------------------------------------ what the worker does

    def take(self, event: pb.WorkerEvent) -> None:
        self.events.append(event)
        match event.WhichOneof("event"):
            case "utterance":
                said = event.utterance
                self.utterances[said.utterance] = PlayedUtterance(
                    said.utterance, said.text, said.interruptible, said.turn
                )
            case "audio":
                self._take_audio(event.audio)
            case "cut":
                self._cut(event.cut.up_to)
            case "verdict":
                self._verdict(event.verdict)
            case "journal" if self.keeps:
                self.send(kept=pb.JournalKept(entries=len(self.of("journal"))))
        self._changed.set()

    def _take_audio(self, audio: pb.UtteranceAudio) -> None:
        utterance = self.utterances[audio.utterance]
        assert audio.offset == utterance.samples, "audio of an utterance comes without gaps"
        utterance.pcm += audio.pcm
        utterance.samples += len(audio.pcm) // SAMPLE_BYTES
        utterance.complete = audio.final

    def _cut(self, up_to: int) -> None:
        self.paused = None
        for utterance in self.utterances.values():
            if utterance.id <= up_to and not utterance.over:
                self.report(utterance, pb.PlayoutReport.STATE_CUT)

    def _verdict(self, verdict: pb.Verdict) -> None:
        utterance = self.utterances.get(self.paused or 0)
        self.paused = None
        if utterance is None or utterance.over:
            return
        if verdict.decision == pb.Verdict.DECISION_CUT:
            self.report(utterance, pb.PlayoutReport.STATE_CUT)
        else:
            assert verdict.resume_from <= utterance.position
            utterance.position = verdict.resume_from


class GatewayPeer:
    """A stream to a worker and the calls on it."""

    def __init__(self, stream: grpc.aio.StreamStreamCall[pb.GatewayTick, pb.WorkerTick]) -> None:
        self.stream = stream
        self.calls: dict[int, PeerCall] = {}
        self.loads: list[pb.Load] = []
        self._sequence = 0

    def call(self) -> PeerCall:
        """A new call on this stream, not started yet."""
        call = PeerCall(len(self.calls) + 1)
        self.calls[call.number] = call
        return call

    async def read(self) -> None:
        async for tick in self.stream:
            self.loads.append(tick.load)
            for event in tick.events:
                self.calls[event.call].take(event)

    async def run_clock(self) -> None:
        start = time.monotonic()
        for count in range(1, 1_000_000):
            await asyncio.sleep(max(0.0, start + count * FRAME_MS / 1000 - time.monotonic()))
            for call in self.calls.values():
                call.tick()
            await self.flush()

    async def flush(self) -> None:
        events = [event for call in self.calls.values() for event in call.out]
        for call in self.calls.values():
            call.out.clear()
        if events:
            self._sequence += 1
            await self.stream.write(pb.GatewayTick(sequence=self._sequence, sent_ns=time.monotonic_ns(), events=events))


@asynccontextmanager
async def served(*, capacity: int = 100, providers: Providers | None = None) -> AsyncIterator[tuple[Worker, str]]:
    """A worker in this process on a real loopback port."""
    async with httpx.AsyncClient(trust_env=False) as client:
        worker = Worker(capacity=capacity, client=client, providers=providers or Providers(), guard=LOOPBACK)
        server = grpc.aio.server()
        rpc.add_ConversationServicer_to_server(worker, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield worker, f"127.0.0.1:{port}"
        finally:
            await server.stop(0.2)


@asynccontextmanager
async def attached(address: str) -> AsyncIterator[GatewayPeer]:
    """A test gateway attached to the worker at `address`, with its clock running."""
    async with grpc.aio.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        peer = GatewayPeer(rpc.ConversationStub(channel).Attach())
        tasks = [asyncio.create_task(peer.read()), asyncio.create_task(peer.run_clock())]
        try:
            yield peer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            peer.stream.cancel()


def kinds(events: Iterable[pb.WorkerEvent]) -> list[str]:
    """The kinds of events in their order, without repeats in a row."""
    result: list[str] = []
    for event in events:
        kind = event.WhichOneof("event") or ""
        if not result or result[-1] != kind:
            result.append(kind)
    return result
