"""Tick records to frames for the call, and the pause when a caller begins to speak."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.call.leg import LegFrame
from gateway.media.audio import FRAME_MS, FRAME_SAMPLES
from gateway.media.fast_vad import SILENCE_DB
from gateway.sip.bridge import KEY_SHIFT, RECORD, TICK, TickFlag
from gateway.sip.media_thread import QUIET_FRAMES, TOGETHER, MediaThread
from tests.sip.voice import voice as spoken

CALLER = int(TickFlag.CALLER)


def voice(count: int) -> NDArray[np.int16]:
    """Ticks of a voice, shape (count, 160)."""
    return spoken(count * FRAME_MS).reshape(count, FRAME_SAMPLES)


def level(frame: NDArray[np.int16]) -> float:
    """RMS in dB below full scale, as the media clock measures it."""
    rms = float(np.sqrt(np.mean(np.square(frame / 32768.0))))
    return 20 * math.log10(rms) if rms else SILENCE_DB


def ticks(caller: NDArray[np.int16], *, start: int = 0, leg: int = 0, **fields: int) -> NDArray[np.void]:
    """Records of one leg, one for each row of `caller`."""
    records = np.zeros(len(caller), dtype=TICK)
    records["tick"] = np.arange(start, start + len(caller))
    records["leg"] = leg
    records["flags"] = CALLER
    records["caller"] = caller
    records["caller_db"] = [level(row) for row in caller]
    records["agent_db"] = SILENCE_DB
    for name, value in fields.items():
        records[name] = value
    return records


SILENCE = np.zeros((1, FRAME_SAMPLES), dtype=np.int16)


class ScriptedBridge:
    """Hands out the records that the test queues."""

    def __init__(self) -> None:
        self.batches: list[NDArray[np.void]] = []
        self.ready = threading.Event()
        self.paused: list[int] = []
        self.opened = 0

    def open(self) -> int:
        self.opened += 1
        return self.opened - 1

    def close(self, leg: int) -> None:
        pass

    def generation(self, leg: int) -> int:
        return 0

    def pause(self, leg: int) -> None:
        self.paused.append(leg)

    def wait(self, timeout_ms: int) -> bool:
        return self.ready.wait(timeout_ms / 1000)

    def drain_bytes(self) -> bytes:
        self.ready.clear()
        batches, self.batches = self.batches, []
        return b"".join(batch.tobytes() for batch in batches)

    def feed(self, records: NDArray[np.void]) -> None:
        self.batches.append(records)
        self.ready.set()


class Sink:
    """Writes down what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.came = asyncio.Event()

    def deliver_frames(self, frames: Sequence[LegFrame]) -> None:
        self.told += frames
        self.came.set()

    async def until(self, frames: int) -> None:
        async with asyncio.timeout(5):
            while len(self.frames) < frames:
                self.came.clear()
                await self.came.wait()

    def deliver_pause(self, *arguments: int) -> None:
        self.told.append(arguments)

    def deliver_key(self, key: str) -> None:
        self.told.append(key)

    @property
    def frames(self) -> list[LegFrame]:
        return [one for one in self.told if isinstance(one, LegFrame)]

    @property
    def pauses(self) -> list[tuple[int, ...]]:
        return [one for one in self.told if isinstance(one, tuple)]


class Bench:
    """A media thread whose batches are run by hand."""

    def __init__(self, *, armed: bool = True) -> None:
        self.bridge = ScriptedBridge()
        self.loop = asyncio.new_event_loop()
        self.thread = MediaThread(bridge=self.bridge, loop=self.loop)
        self.sink = Sink()
        self.leg = self.thread.open(self.sink, armed=armed)

    def run(self, records: NDArray[np.void]) -> None:
        fields = list(RECORD.iter_unpack(records.tobytes()))
        for function, arguments in self.thread.process(fields, {self.leg.index: self.leg}):
            function(*arguments)

    def delivered_each(self, records: NDArray[np.void]) -> list[int]:
        """Frames delivered in each tick."""
        counts = []
        for index in range(len(records)):
            before = len(self.sink.frames)
            self.run(records[index : index + 1])
            counts.append(len(self.sink.frames) - before)
        return counts

    def run_each(self, records: NDArray[np.void]) -> None:
        """Tick by tick, as in life."""
        for index in range(len(records)):
            self.run(records[index : index + 1])


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_record_becomes_a_frame_field_by_field(bench: Bench) -> None:
    records = ticks(voice(1), start=41, captured_ns=99, utterance=7, position=480)
    records["agent"] = 5
    records["flags"] = CALLER | TickFlag.FINISHED | TickFlag.PAUSED
    bench.run(records)
    (frame,) = bench.sink.frames
    assert frame == LegFrame(
        tick=41, captured_ns=99, caller=voice(1).tobytes(), agent=(5).to_bytes(2, "little") * 160, utterance=7,
        position=480, present=True, speech=False, finished=True, underrun=False, paused=True,
    )  # fmt: skip


def test_the_clock_moves_with_each_tick_and_while_nobody_needs_it(bench: Bench) -> None:
    opened_ns = bench.thread.clock_heartbeat_ns
    bench.thread._turn()
    assert bench.thread.clock_heartbeat_ns == opened_ns
    bench.bridge.feed(ticks(SILENCE))
    bench.thread._turn()
    ticked_ns = bench.thread.clock_heartbeat_ns
    assert ticked_ns > opened_ns
    bench.thread.close(bench.leg)
    assert bench.thread.clock_heartbeat_ns > ticked_ns


def test_records_of_other_legs_and_of_an_earlier_call_are_left_out(bench: Bench) -> None:
    bench.run(np.concatenate([ticks(SILENCE, leg=5), ticks(SILENCE, generation=3), ticks(SILENCE)]))
    assert len(bench.sink.frames) == 1


def test_speech_pauses_what_is_playing_within_three_ticks_of_its_beginning(bench: Bench) -> None:
    bench.run_each(ticks(np.repeat(SILENCE, 20, axis=0), utterance=3, position=3200))
    bench.run_each(ticks(voice(10), start=20, utterance=3, position=4000))
    ((utterance, position, onset_tick, tick),) = bench.sink.pauses
    assert (utterance, position) == (3, 4000)
    assert onset_tick in (20, 21)
    assert tick - onset_tick <= 3
    assert bench.bridge.paused == [bench.leg.index]


def test_the_pause_is_told_before_the_frame_of_its_tick(bench: Bench) -> None:
    bench.run_each(ticks(voice(10), utterance=3))
    place = bench.sink.told.index(bench.sink.pauses[0])
    assert bench.sink.told[place + 1].tick == bench.sink.pauses[0][3]


def test_one_utterance_of_the_caller_pauses_once(bench: Bench) -> None:
    bench.run_each(ticks(voice(100), utterance=3))
    assert len(bench.sink.pauses) == 1


def test_an_unarmed_leg_is_not_paused_but_speech_is_told() -> None:
    bench = Bench(armed=False)
    bench.run_each(ticks(voice(10), utterance=3))
    assert not bench.sink.pauses
    assert bench.sink.frames[-1].speech


def test_nothing_is_paused_when_nothing_plays(bench: Bench) -> None:
    bench.run_each(ticks(voice(50)))
    assert not bench.bridge.paused


def test_speech_that_began_just_before_playout_pauses_it(bench: Bench) -> None:
    bench.run_each(ticks(voice(8)))
    bench.run_each(ticks(voice(2), start=8, utterance=3))
    assert len(bench.sink.pauses) == 1
    assert bench.sink.pauses[0][3] == 8


def test_speech_that_began_long_before_playout_does_not(bench: Bench) -> None:
    bench.run_each(ticks(voice(50)))
    bench.run_each(ticks(voice(10), start=50, utterance=3))
    assert not bench.sink.pauses


def test_what_is_paused_already_is_not_paused_again(bench: Bench) -> None:
    bench.run_each(ticks(voice(10), utterance=3, flags=CALLER | TickFlag.PAUSED))
    assert not bench.bridge.paused


def test_a_tick_without_caller_audio_is_silence(bench: Bench) -> None:
    bench.run_each(ticks(voice(20), utterance=3, flags=0))
    assert not any(frame.present or frame.speech for frame in bench.sink.frames)


async def test_the_thread_delivers_on_the_loop_in_order_and_ends_when_told() -> None:
    bridge = ScriptedBridge()
    thread = MediaThread(bridge=bridge, loop=asyncio.get_running_loop())
    sink = Sink()
    thread.open(sink, armed=True)
    thread.start()
    for start in range(0, 60, TOGETHER):
        bridge.feed(ticks(np.repeat(SILENCE, TOGETHER, axis=0), start=start))
        await sink.until(start + TOGETHER)
    assert [frame.tick for frame in sink.frames] == list(range(60))
    assert await asyncio.to_thread(thread.stop, 3.0)


class Faulty(Sink):
    """A call with a defect."""

    def deliver_frames(self, frames: Sequence[LegFrame]) -> None:
        raise ValueError("a defect in a call")


async def test_a_failing_call_takes_nothing_from_the_others() -> None:
    bridge = ScriptedBridge()
    thread = MediaThread(bridge=bridge, loop=asyncio.get_running_loop())
    sink = Sink()
    thread.open(Faulty(), armed=True)
    thread.open(sink, armed=True)
    thread.start()
    bridge.feed(np.concatenate([ticks(SILENCE, leg=0), ticks(SILENCE, leg=1)]))
    await sink.until(1)
    assert await asyncio.to_thread(thread.stop, 3.0)


async def test_a_failing_turn_does_not_end_the_thread() -> None:
    bridge = ScriptedBridge()
    thread = MediaThread(bridge=bridge, loop=asyncio.get_running_loop())
    sink = Sink()
    thread.open(sink, armed=True)
    thread.start()
    bridge.feed(np.zeros(1, dtype=[("captured_ns", "<i8")]))
    await asyncio.sleep(0.05)
    bridge.feed(ticks(SILENCE))
    await sink.until(1)
    assert await asyncio.to_thread(thread.stop, 3.0)


def test_a_key_in_the_audio_is_told_after_its_tick() -> None:
    bench = Bench()
    bench.run(ticks(SILENCE, flags=CALLER | TickFlag.KEY | 11 << KEY_SHIFT))
    assert [type(one) for one in bench.sink.told] == [LegFrame, str]
    assert bench.sink.told[1] == "#"


def test_frames_in_which_nothing_happens_go_together_after_a_while(bench: Bench) -> None:
    delivered = bench.delivered_each(ticks(np.repeat(SILENCE, QUIET_FRAMES + 2 * TOGETHER, axis=0)))
    assert delivered == [1] * QUIET_FRAMES + [0, 0, 3] * 2


@pytest.mark.parametrize("flags", [CALLER | TickFlag.KEY, CALLER | TickFlag.FINISHED, CALLER | TickFlag.PAUSED])
def test_an_event_takes_the_frames_before_it_along(bench: Bench, flags: int) -> None:
    bench.run_each(ticks(np.repeat(SILENCE, QUIET_FRAMES + 1, axis=0)))
    assert len(bench.sink.frames) == QUIET_FRAMES
    bench.run_each(ticks(SILENCE, start=QUIET_FRAMES + 1, flags=flags))
    assert [frame.tick for frame in bench.sink.frames] == list(range(QUIET_FRAMES + 2))


def test_sound_of_the_caller_and_the_frames_after_it_go_at_once(bench: Bench) -> None:
    bench.run_each(ticks(np.repeat(SILENCE, QUIET_FRAMES + 1, axis=0)))
    start = QUIET_FRAMES + 1
    assert bench.delivered_each(ticks(voice(1), start=start)) == [2]
    assert bench.delivered_each(ticks(np.repeat(SILENCE, 5, axis=0), start=start + 1)) == [1] * 5


def test_an_utterance_that_begins_goes_at_once(bench: Bench) -> None:
    bench.run_each(ticks(np.repeat(SILENCE, QUIET_FRAMES + 1, axis=0)))
    assert bench.delivered_each(ticks(SILENCE, start=QUIET_FRAMES + 1, utterance=1)) == [2]


def test_a_leg_that_is_mixed_with_another_waits_for_nothing(bench: Bench) -> None:
    bench.leg.prompt = True
    assert bench.delivered_each(ticks(np.repeat(SILENCE, QUIET_FRAMES + 5, axis=0))) == [1] * (QUIET_FRAMES + 5)


async def test_what_waits_is_delivered_when_the_leg_is_closed() -> None:
    thread, sink = MediaThread(bridge=ScriptedBridge(), loop=asyncio.get_running_loop()), Sink()
    leg = thread.open(sink, armed=True)
    records = ticks(np.repeat(SILENCE, QUIET_FRAMES + 2, axis=0))
    for function, arguments in thread.process(list(RECORD.iter_unpack(records.tobytes())), {leg.index: leg}):
        function(*arguments)
    assert len(sink.frames) == QUIET_FRAMES
    thread.close(leg)
    await sink.until(QUIET_FRAMES + 2)
