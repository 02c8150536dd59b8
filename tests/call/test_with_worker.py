"""A call through the worker itself, with providers that answer at once: the contract from both ends."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.assistant.assistant import Assistant
from gateway.assistant.provider_settings import VoiceSettings
from gateway.call import endings
from gateway.call.gateway import Gateway
from gateway.call.latency import ALL_PARTS
from gateway.call.record import CallRecord
from gateway.conversation.events import CallEnded
from gateway.conversation.recording import read_recordings
from gateway.conversation.replay import replay
from gateway.link.pool import WorkerPool
from gateway.media.audio import FRAME_BYTES, FRAME_MS
from gateway.providers.base import Voice
from gateway.providers.registry import Providers
from gateway.recording.settings import RecordingSettings
from gateway.routing.settings import RouteSettings
from gateway.settings import OutboundSettings, Settings, WorkerSettings
from gateway.worker.server import serve_worker
from tests.call.house import MemoryEndpoint
from tests.call.leg_double import SILENCE, MemoryLeg
from tests.link.worker_double import until

pytestmark = pytest.mark.models

ASSISTANT = {
    "firstMessage": "Hello there.",
    "transcriber": {"provider": "tests.worker.fakes:ScriptedTranscriber", "texts": ["what time is it", "thank you"]},
    "model": {"provider": "tests.worker.fakes:EchoModel", "reply": "You said {text} and I heard you well."},
    "voice": {"provider": "tests.worker.fakes:ToneVoice", "word_ms": 200},
}


class Telephone:
    """A leg on a real 20 ms clock; `say` queues what the caller says, and the fast VAD hears it."""

    def __init__(self, leg: MemoryLeg) -> None:
        self.leg = leg
        self._caller: list[bytes] = []
        self._voiced = 0
        self._held = False

    def hold(self, held: bool) -> None:
        """Put the agent on hold: what the caller says then stands for music, and nothing is played to us."""
        self._held = self.leg.ring.paused = held
        assert self.leg.listener is not None
        self.leg.listener.on_hold(held)

    def say(self, pcm: bytes) -> None:
        self._caller += [pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for at in range(0, len(pcm), FRAME_BYTES)]

    @property
    def quiet(self) -> bool:
        """Whether neither side has anything to say."""
        return not self._caller and not self.leg.ring.segments

    async def ring_out(self) -> None:
        start = time.monotonic()
        while not self.leg.ended:
            if self.leg.answered:
                self._tick()
            await asyncio.sleep(max(0.0, start + self.leg.next_tick * FRAME_MS / 1000 - time.monotonic()))
            start = start if self.leg.next_tick else time.monotonic()

    def _tick(self) -> None:
        caller = self._caller.pop(0) if self._caller else SILENCE
        self.leg.frame(caller)
        self._voiced = self._voiced + 1 if caller != SILENCE else 0
        if self._voiced >= 3 and not self._held and self.leg.ring.armed and not self.leg.ring.paused:
            self.leg.speak_over()


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[str]:
    """The worker, on a loopback port."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve_worker(settings, listen="127.0.0.1:0", on_ready=ready.set_result))
    try:
        yield await asyncio.wait_for(ready, 60)
    finally:
        serving.cancel()
        await asyncio.wait((serving,))


@asynccontextmanager
async def telephone(
    tmp_path: Path,
    *,
    outbound: OutboundSettings | None = None,
    recording: RecordingSettings | None = None,
    **changes: object,
) -> AsyncIterator[tuple[Telephone, Gateway]]:
    settings = Settings(
        data_dir=tmp_path,
        outbound=outbound or OutboundSettings(),
        recording=recording or RecordingSettings(),
        routes=[RouteSettings(assistant="desk")],
        assistants={"desk": Assistant.model_validate({**ASSISTANT, **changes})},
    )
    async with working(settings) as address:
        pool = WorkerPool(WorkerSettings(count=0, addresses=[address]))
        gateway = Gateway(settings, pool=pool, make_endpoint=MemoryEndpoint)
        await gateway.start(worker_seconds=5)
        phone = Telephone(MemoryLeg())
        gateway.reception.take(phone.leg)
        ringing = asyncio.create_task(phone.ring_out())
        try:
            yield phone, gateway
        finally:
            phone.leg.end()
            await ringing
            await gateway.close()


async def speech(text: str) -> bytes:
    return b"".join([chunk.pcm async for chunk in _voice().speak(text)])


@functools.cache
def _voice() -> Voice:
    return Providers().voice(VoiceSettings(provider="hibari"))


async def turns(gateway: Gateway, count: int) -> None:
    """Wait until the call has this many turns."""
    (call,) = gateway.calls.values()
    kinds = ("caller-turn", "agent-turn")
    await until(lambda: sum(entry.kind in kinds for entry in call.journal.entries) >= count, 15)


async def hang_up(phone: Telephone, gateway: Gateway) -> CallRecord:
    phone.leg.end()
    await until(lambda: list(gateway.records.newest()))
    (record,) = gateway.records.newest()
    return record


async def test_a_caller_asks_and_hears_the_answer(tmp_path: Path) -> None:
    question = await speech("Could you tell me the time please?")
    async with telephone(tmp_path) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        phone.say(question)
        await turns(gateway, 3)
        record = await hang_up(phone, gateway)
    assert [(turn.role, turn.text, turn.heard) for turn in record.turns] == [
        ("agent", "Hello there.", "Hello there."),
        ("caller", "what time is it", None),
        ("agent", "You said what time is it and I heard you well.", "You said what time is it and I heard you well."),
    ]
    (latency,) = record.latency
    assert latency.jitter_buffer == 20
    assert latency.total == sum(getattr(latency, part) for part in ALL_PARTS)
    assert latency.total is not None
    assert 0 < latency.total < 3000
    assert record.end_reason == endings.CUSTOMER_ENDED
    assert record.underruns == 0
    assert record.events is not None
    with (gateway.records.directory / record.events).open() as lines:
        steps = [step for recording in read_recordings(lines) for step in replay(recording)]
    assert isinstance(steps[-1].event, CallEnded)
    assert not [step for step in steps if step.differs]


@pytest.mark.scenario("INV-04", peer="leg in memory", transport="none")
async def test_on_hold_nobody_is_heard_nobody_speaks_and_silence_does_not_count(tmp_path: Path) -> None:
    question = await speech("Could you tell me the time please?")
    asks = {
        "on": "customer.speech.timeout",
        "options": {"timeoutSeconds": 1},
        "do": [{"type": "say", "exact": "Hello?"}],
    }
    async with telephone(tmp_path, hooks=[asks]) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        (call,) = gateway.calls.values()
        phone.hold(True)
        held_ms, heard = call.now_ms, len(phone.leg.ring.sent)
        phone.say(question)
        call.say("Are you back?")
        await until(lambda: call.now_ms > held_ms + 3000)
        assert len(phone.leg.ring.sent) == heard
        assert [entry.data for entry in call.journal.entries if entry.kind == "hold"] == [{"held": True}]
        assert not [entry for entry in call.journal.entries if entry.kind == "caller-turn"]
        phone.hold(False)
        await turns(gateway, 2)
        phone.say(question)
        await turns(gateway, 4)
        record = await hang_up(phone, gateway)
    said = [turn.text for turn in record.turns]
    assert said == ["Hello there.", "Are you back?", "what time is it", said[-1]]
    assert said[-1] == "You said what time is it and I heard you well."


async def test_the_latency_of_a_turn_is_that_of_the_answer_and_not_of_the_filler(tmp_path: Path) -> None:
    question = await speech("Could you tell me the time please?")
    model = {"provider": "tests.worker.fakes:EchoModel", "reply": "It is ten.", "delay_ms": 1500}
    filler = {"delaySeconds": 0.2, "phrases": ["One moment."]}
    async with telephone(tmp_path, model=model, fillerPlan=filler) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        phone.say(question)
        await turns(gateway, 3)
        record = await hang_up(phone, gateway)
    assert record.turns[-1].heard == "One moment. It is ten."
    (latency,) = record.latency
    assert latency.total is not None
    assert latency.total > 1500
    assert latency.total == sum(getattr(latency, part) for part in ALL_PARTS)


async def test_a_caller_who_speaks_over_the_agent_interrupts_it_and_the_record_tells_what_was_heard(
    tmp_path: Path,
) -> None:
    question = await speech("Could you tell me the time please?")
    async with telephone(tmp_path) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        phone.say(question)
        await turns(gateway, 2)
        await until(lambda: phone.leg.ring.segments)
        await asyncio.sleep(0.6)
        phone.say(question)
        await turns(gateway, 4)
        record = await hang_up(phone, gateway)
    interrupted = next(turn for turn in record.turns if turn.interrupted)
    assert interrupted.role == "agent"
    assert interrupted.heard is not None
    assert interrupted.text.startswith(interrupted.heard)
    assert len(interrupted.heard) < len(interrupted.text)
    assert record.pauses
    assert record.pauses[0].decision == "cut"
