"""The media bridge on a real conference bridge and its real clock; two legs hear each other, there is no SIP."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.errors import LegError, NativeMissing
from gateway.sip.bridge import ClockPriority, MediaBridge, TickFlag, limits
from tests.sip.native.endpoint import Conference, Legs, running_endpoint

CAPACITY = 4
STALL_MS = 500


@pytest.fixture(scope="module")
def conference() -> Iterator[Conference]:
    with running_endpoint() as conference:
        yield conference


@pytest.fixture
def legs(conference: Conference) -> Iterator[Legs]:
    legs = Legs(conference, MediaBridge(capacity=CAPACITY))
    yield legs
    legs.close_all()


def speech(samples: int) -> NDArray[np.int16]:
    """Samples that differ from their neighbours and are never zero."""
    return (1000 + np.arange(samples) * 31 % 9000).astype(np.int16)


def agent_audio(records: NDArray[np.void], utterance: int) -> NDArray[np.int16]:
    return np.concatenate([record["agent"] for record in records if record["utterance"] == utterance])


def test_an_idle_leg_sends_silence_at_each_tick(legs: Legs) -> None:
    near, _ = legs.open_pair()
    records = legs.more(near, 10)
    assert not records["agent"].any()
    assert not records["utterance"].any()
    assert (records["flags"] == TickFlag.CALLER).all()


def test_ticks_are_counted_from_the_opening_and_a_frame_apart(legs: Legs) -> None:
    near, _ = legs.open()
    records = legs.more(near, 50)
    assert records["tick"].tolist() == list(range(50))
    pace_ms = float(np.mean(np.diff(records["captured_ns"]))) / 1e6
    assert pace_ms == pytest.approx(20, rel=0.2)


def test_what_is_played_is_heard_at_the_far_end_sample_by_sample(legs: Legs) -> None:
    near, far = legs.open_pair()
    pcm = speech(1000)
    assert legs.bridge.play(near, utterance=7, offset=0, pcm=pcm.tobytes(), final=True) == 1000
    records = legs.until_flag(near, TickFlag.FINISHED)
    spoken = records[records["utterance"] == 7]
    assert spoken["position"].tolist() == [160, 320, 480, 640, 800, 960, 1000]
    assert agent_audio(records, 7)[:1000].tolist() == pcm.tolist()
    heard = legs.until(far, lambda records: (records["caller"] != 0).sum() >= 1000)["caller"].ravel()
    assert heard[heard != 0].tolist() == pcm.tolist()


def test_both_halves_of_a_record_are_of_one_tick(legs: Legs) -> None:
    """The near leg hears in a record what the far leg says in its record of the same tick."""
    near, far = legs.open_pair()
    pcm = speech(480)
    legs.bridge.play(near, utterance=1, offset=0, pcm=pcm, final=True)
    legs.bridge.play(far, utterance=2, offset=0, pcm=pcm[::-1].copy(), final=True)
    legs.until_flag(near, TickFlag.FINISHED)
    legs.until_flag(far, TickFlag.FINISHED)
    spoken = [record for record in legs.of(near) if record["utterance"] == 1]
    heard = [record for record in legs.of(far) if record["caller"].any()]
    assert [record["agent"].tolist() for record in spoken] == [record["caller"].tolist() for record in heard]
    lag_ns = max(abs(int(a["captured_ns"]) - int(b["captured_ns"])) for a, b in zip(spoken, heard, strict=True))
    assert lag_ns < 20_000_000


@pytest.mark.parametrize("kind", [bytes, memoryview, np.asarray])
def test_pcm_may_be_bytes_a_view_or_an_array(legs: Legs, kind: Any) -> None:
    near, _ = legs.open()
    pcm = speech(100)
    given = kind(pcm.tobytes()) if kind is not np.asarray else pcm
    assert legs.bridge.play(near, utterance=1, offset=0, pcm=given, final=True) == 100
    assert legs.bridge.queued(near) == 100


def test_a_pause_holds_what_is_queued_and_a_resume_goes_on(legs: Legs) -> None:
    near, _ = legs.open_pair()
    legs.bridge.play(near, utterance=1, offset=0, pcm=speech(4000), final=True)
    legs.until(near, lambda records: bool((records["position"] >= 320).any()))
    legs.bridge.pause(near)
    paused = legs.until_flag(near, TickFlag.PAUSED)[-1]
    assert paused["position"] % 160 == 40
    assert not legs.more(near, 3)["agent"].any()
    assert legs.bridge.queued(near) == 4000 - paused["position"]
    legs.bridge.resume(near)
    last = legs.until_flag(near, TickFlag.FINISHED)[-1]
    assert last["position"] == 4000


def test_a_flush_stops_within_a_tick_and_tells_where(legs: Legs) -> None:
    near, _ = legs.open_pair()
    legs.bridge.play(near, utterance=1, offset=0, pcm=speech(8000), final=True)
    legs.until(near, lambda records: bool((records["position"] >= 320).any()))
    legs.bridge.flush(near)
    assert legs.bridge.queued(near) == 0
    records = legs.until_flag(near, TickFlag.FLUSHED)
    flushed = records[-1]
    assert flushed["utterance"] == 1
    assert flushed["position"] % 160 == 40
    assert flushed["position"] == records["position"][-2] + 40
    assert not legs.more(near, 3)["agent"].any()
    statistics = legs.bridge.statistics(near)
    assert statistics.samples_played == flushed["position"]
    assert statistics.samples_played + statistics.samples_dropped == 8000


def test_a_ring_that_runs_dry_is_told_once(legs: Legs) -> None:
    near, _ = legs.open_pair()
    legs.bridge.play(near, utterance=1, offset=0, pcm=speech(200), final=False)
    legs.until_flag(near, TickFlag.UNDERRUN)
    legs.more(near, 3)
    assert legs.bridge.statistics(near).underruns == 1
    legs.bridge.play(near, utterance=1, offset=200, pcm=b"", final=True)
    assert legs.until_flag(near, TickFlag.FINISHED)[-1]["position"] == 200


@pytest.mark.scenario("MED-07", peer="conference", transport="none")
def test_a_voice_that_comes_in_bursts_is_played_without_a_gap(legs: Legs) -> None:
    """Two seconds at once, then nothing for 300 ms, as streaming voices do."""
    near, _ = legs.open_pair()
    burst, told, pcm = 16_000, 0, speech(3 * 16_000)
    while told < len(pcm):
        told += legs.bridge.play(
            near, utterance=1, offset=told, pcm=pcm[told : told + burst].tobytes(), final=told + burst >= len(pcm)
        )
        legs.more(near, 15)
    records = legs.until_flag(near, TickFlag.FINISHED)
    assert legs.bridge.statistics(near).underruns == 0
    assert agent_audio(records, 1)[: len(pcm)].tolist() == pcm.tolist()


@pytest.mark.scenario("MED-07", peer="conference", transport="none")
def test_a_ring_that_runs_dry_does_not_click(legs: Legs) -> None:
    near, _ = legs.open_pair()
    legs.bridge.play(near, utterance=1, offset=0, pcm=np.full(1000, 8000, np.int16).tobytes(), final=False)
    legs.until_flag(near, TickFlag.UNDERRUN)
    heard = legs.more(near, 1)["agent"].ravel()
    assert not heard.any()


def test_a_leg_that_is_not_connected_keeps_its_clock_and_its_queue(legs: Legs) -> None:
    near, _ = legs.open_pair()
    legs.bridge.play(near, utterance=1, offset=0, pcm=speech(8000), final=True)
    legs.bridge.disconnect(near)
    held = legs.until_flag(near, TickFlag.DISCONNECTED)[-1]
    later = legs.more(near, 3)
    assert (later["flags"] == TickFlag.DISCONNECTED).all()
    assert (later["position"] == held["position"]).all()
    assert not later["agent"].any()
    assert not later["caller"].any()


def test_a_second_connection_takes_the_place_of_the_first(legs: Legs) -> None:
    near, first = legs.open_pair()
    second, slot = legs.open()
    legs.bridge.connect(near, slot)
    legs.until(second, lambda records: bool(records["flags"][-1] & TickFlag.CALLER) if len(records) else False)
    legs.bridge.play(near, utterance=1, offset=0, pcm=speech(320), final=True)
    legs.until(second, lambda records: bool(records["caller"].any()))
    legs.until_flag(near, TickFlag.FINISHED)
    legs.more(first, 2)
    assert not legs.of(first)["caller"].any()
    assert legs.of(first)["flags"][-1] & TickFlag.DISCONNECTED


@pytest.mark.scenario("MED-06", peer="conference", transport="none")
def test_a_stalled_interpreter_gaps_nothing(legs: Legs) -> None:
    """The GIL is held for half a second: usleep is called through PyDLL, which keeps it."""
    near, far = legs.open_pair()
    pcm = speech(8000)
    legs.bridge.play(near, utterance=1, offset=0, pcm=pcm, final=True)
    legs.more(near, 3)
    ctypes.PyDLL(None).usleep(STALL_MS * 1000)
    legs.until_flag(near, TickFlag.FINISHED)
    heard = legs.until(far, lambda records: (records["caller"] != 0).sum() >= 8000)
    assert np.diff(heard["tick"]).tolist() == [1] * (len(heard) - 1)
    assert heard["caller"].ravel()[heard["caller"].ravel() != 0].tolist() == pcm.tolist()
    # had the clock waited, one gap would be as long as the stall
    assert np.diff(heard["captured_ns"]).max() / 1e6 < STALL_MS / 2
    assert legs.bridge.statistics(far).overflows == 0


def test_legs_of_one_tick_come_in_one_drain(legs: Legs) -> None:
    opened = [legs.open()[0] for _ in range(CAPACITY)]
    for leg in opened:
        legs.more(leg, 1)
    batches = []
    for _ in range(20):
        legs.bridge.wait(1000)
        batches.append(len(legs.bridge.drain()))
    assert np.median(batches) == CAPACITY


def test_a_leg_index_is_used_again_last_and_under_a_new_generation(legs: Legs) -> None:
    opened = [legs.open()[0] for _ in range(CAPACITY)]
    generation = legs.bridge.generation(opened[0])
    legs.more(opened[0], 1)
    for leg in (opened[0], opened[2]):
        legs.close(leg)
    for _ in range(3):
        legs.fetch()
    assert [legs.open()[0], legs.open()[0]] == [opened[0], opened[2]]
    assert legs.bridge.generation(opened[0]) == generation + 1
    legs.more(opened[0], 2)
    generations = legs.of(opened[0])["generation"]
    assert set(generations.tolist()) == {generation, generation + 1}
    assert legs.of(opened[0])["tick"][generations == generation + 1][0] == 0


def test_records_of_a_closed_leg_can_still_be_fetched(legs: Legs) -> None:
    near, _ = legs.open()
    legs.bridge.wait(1000)
    legs.bridge.wait(1000)
    legs.close(near)
    assert near in legs.bridge.drain()["leg"].tolist()


def test_there_are_as_many_legs_as_were_asked_for(legs: Legs) -> None:
    for _ in range(CAPACITY):
        legs.open()
    with pytest.raises(LegError, match="all places are in use"):
        legs.open()


def test_a_closed_leg_takes_no_command(legs: Legs) -> None:
    near, slot = legs.open()
    legs.close(near)
    legs.bridge.close(near)
    for command in (legs.bridge.pause, legs.bridge.resume, legs.bridge.flush, legs.bridge.queued):
        with pytest.raises(LegError, match="not open"):
            command(near)
    with pytest.raises(LegError, match="not open"):
        legs.bridge.play(near, utterance=1, offset=0, pcm=b"\0\0", final=True)
    with pytest.raises(LegError, match="not open"):
        legs.bridge.connect(near, slot)


def test_a_slot_that_does_not_exist_is_refused(legs: Legs) -> None:
    near, _ = legs.open()
    with pytest.raises(LegError, match="did not take the command"):
        legs.bridge.connect(near, 200)


def test_only_a_thread_that_pjlib_knows_opens_legs(legs: Legs) -> None:
    errors: list[str] = []

    def open_leg() -> None:
        try:
            legs.bridge.open()
        except LegError as error:
            errors.append(str(error))

    stranger = threading.Thread(target=open_leg)
    stranger.start()
    stranger.join()
    assert len(errors) == 1
    assert "thread is not its owner" in errors[0]


def test_a_wait_without_legs_ends_with_its_time(legs: Legs) -> None:
    assert legs.bridge.wait(1) is False


def test_the_clock_thread_says_how_it_is_scheduled(legs: Legs) -> None:
    near, _ = legs.open()
    legs.more(near, 1)
    assert legs.bridge.clock_priority() in set(ClockPriority) - {ClockPriority.UNSEEN}


def test_the_compiled_limits_are_those_of_a_gateway() -> None:
    compiled = limits()
    assert compiled.calls >= 500
    assert compiled.conference_ports >= 2 * compiled.calls + 1
    assert compiled.sockets >= 2 * compiled.calls
    assert compiled.packet_bytes == 65535


def test_a_missing_pjsua2_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_pjsua2", None)
    with pytest.raises(NativeMissing, match="parley setup"):
        MediaBridge(capacity=1)


def test_a_pjsua2_without_the_bridge_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleType("_pjsua2")
    other.__file__ = "libc.so.6"
    monkeypatch.setitem(sys.modules, "_pjsua2", other)
    with pytest.raises(NativeMissing, match="no media bridge"):
        limits()
