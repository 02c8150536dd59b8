"""What the gateway hears of a caller through a bad network.

The speech is noise, in which every passage is like no other, so that it is known of each 20 ms whether it was heard,
where, and sample by sample. The network is paced by the RTP timestamps: how late the test's process is, is not in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.call.leg import MediaStatistics
from gateway.media.audio import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE
from tests.peers.impairment import Impairments
from tests.peers.relay import TO_GATEWAY, DirectionTruth
from tests.sip.exchange import Exchange, exchange
from tests.sip.listening import Pcm, as_sent, impaired_call

_SECOND = SAMPLE_RATE
_AHEAD_MS = 100.0
_SEARCH_MS = 1500


def noise(seconds: float, seed: int = 1) -> Pcm:
    samples = np.random.default_rng(seed).standard_normal(int(_SECOND * seconds)) * 2500
    result: Pcm = samples.astype(np.int16)
    return result


@dataclass(slots=True)
class Outcome:
    """A call that has ended. `waits` is (tick, ms)."""

    sent: Pcm
    heard: Pcm
    waits: list[tuple[int, float]]
    figures: MediaStatistics
    truth: DirectionTruth

    def position(self, at: int, samples: int = 2 * FRAME_SAMPLES) -> int | None:
        """Where in what was heard the passage at sample `at` of what was sent is, sample for sample; None: nowhere."""
        wanted = self.sent[at : at + samples].tobytes()
        around = max(0, at - SAMPLE_RATE * _SEARCH_MS // 1000)
        found = self.heard.tobytes().find(wanted, 2 * around, 2 * (at + SAMPLE_RATE * _SEARCH_MS // 1000))
        return found // 2 if found >= 0 and found % 2 == 0 else None

    def lags_ms(self) -> list[float]:
        """How much later than the first passage each passage of 40 ms was heard; those that were not are left out."""
        places = ((at, self.position(at)) for at in range(0, len(self.sent) - FRAME_SAMPLES * 2, FRAME_SAMPLES * 2))
        lags = [(place - at) / (SAMPLE_RATE / 1000) for at, place in places if place is not None]
        return [lag - lags[0] for lag in lags]

    def heard_exactly(self, from_ms: int) -> float:
        """Part of what was sent from there on that was heard in one piece, sample for sample, in its place."""
        places = [
            (at, self.position(at))
            for at in range(from_ms * SAMPLE_RATE // 1000, len(self.sent) - _SECOND // 2, 2 * FRAME_SAMPLES)
        ]
        shifts = [None if place is None else place - at for at, place in places]
        usual = max(set(shifts), key=shifts.count)
        return 0.0 if usual is None else shifts.count(usual) / len(shifts)

    def added_ms(self) -> NDArray[np.float64]:
        """What audio waited after the first second."""
        return np.array([waited for tick, waited in self.waits if tick > 1000 // FRAME_MS])

    @property
    def discarded(self) -> float:
        """Part of the packets that came too late."""
        return self.figures.packets_discarded / max(1, self.figures.packets_received)


async def _heard_through(ours: Exchange, network: Impairments, pcm: Pcm, *, seed: int = 1) -> Outcome:
    async with impaired_call(ours, to_gateway=network, seed=seed) as call:
        await call.say(pcm, ahead_ms=_AHEAD_MS)
        await asyncio.sleep((network.delay_ms + 500) / 1000)
        figures = await call.told.leg.statistics()
        truth = (await call.relay.truth())[TO_GATEWAY]
        assert figures is not None
        return Outcome(as_sent(pcm), call.heard(), call.waits, figures, truth)


async def through(networks: Sequence[Impairments], pcm: Pcm) -> list[Outcome]:
    """A call through each network, all at once."""
    async with exchange(sip={"max_calls": len(networks) + 1}) as ours:
        running = []
        for network in networks:
            known = len(ours.calls)
            running.append(asyncio.create_task(_heard_through(ours, network, pcm)))
            await ours.call(known)
        return await asyncio.gather(*running)


@pytest.mark.scenario("MED-01", peer="scripted party + relay", transport="udp")
@pytest.mark.scenario("MED-02", peer="scripted party + relay", transport="udp")
@pytest.mark.timeout(60)
async def test_lost_packets_are_counted_and_concealed() -> None:
    networks = [
        Impairments(delay_ms=140, paced=True, loss=0.05),
        Impairments(delay_ms=140, paced=True, burst_loss=0.05, burst_packets=3),
    ]
    for lossy in await through(networks, noise(8)):
        assert lossy.figures.packets_lost == pytest.approx(lossy.truth.lost, abs=1)
        assert 0.01 < lossy.truth.loss < 0.12
        silent = len(_silences(lossy.heard[: 7 * _SECOND]))
        assert silent <= lossy.truth.lost / 2, "a lost packet is concealed, not silent"


@pytest.mark.scenario("MED-04", peer="scripted party + relay", transport="udp")
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "exactly",
    [0.95, pytest.param(1.0, marks=[pytest.mark.long, pytest.mark.alone])],
    ids=["as far as the machine keeps time", "bit by bit"],
)
async def test_another_order_and_packets_that_come_twice_are_not_heard(exactly: float) -> None:
    """Once the buffer knows of it: five packets that came after their turn."""
    calm = Impairments(delay_ms=140, paced=True, duplicates=0.05)
    networks = [calm, *(replace(calm, reorder=0.05, reorder_depth=depth) for depth in (1, 2, 3, 4, 5))]
    outcomes = await through(networks, noise(9))
    for network, outcome in zip(networks, outcomes, strict=True):
        assert outcome.figures.packets_duplicated == outcome.truth.duplicated > 5
        ordered = 1.0 if network is calm else 20 * outcome.truth.reordered / outcome.truth.arrived
        print(
            f"\ndepth {network.reorder_depth if network.reorder else 0}: waited {np.median(outcome.added_ms()):.0f} ms"
        )
        assert ordered > 0.4
        assert outcome.heard_exactly(from_ms=5000) >= exactly
        assert np.median(outcome.added_ms()[-100:]) < 65 + 20 * network.reorder_depth * bool(network.reorder)


def _silences(heard: Pcm) -> list[int]:
    """Frames in which nothing is heard at all."""
    frames = heard[: len(heard) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return [int(at) for at in np.flatnonzero(np.abs(frames.astype(np.int32)).max(axis=1) == 0)]


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.scenario("MED-03", peer="scripted party + relay", transport="udp")
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("jitter_ms", "late", "added_ms"), [(20, 0.001, 40), (60, 0.005, 90)])
async def test_jitter_costs_little_audio_and_little_delay(jitter_ms: int, late: float, added_ms: float) -> None:
    calm = Impairments(delay_ms=140, paced=True)
    uneven = Impairments(delay_ms=140, paced=True, jitter_ms=jitter_ms)
    base, outcome = await through([calm, uneven], noise(40))
    added = float(np.percentile(outcome.added_ms(), 95) - np.median(base.added_ms()))
    print(f"\njitter {jitter_ms} ms: late {100 * outcome.discarded:.2f} %, added p95 {added:.0f} ms")
    assert outcome.discarded <= late
    assert added <= added_ms


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.scenario("MED-03", peer="scripted party + relay", transport="udp")
@pytest.mark.timeout(120)
async def test_a_surge_of_delay_is_gone_five_seconds_later() -> None:
    (outcome,) = await through([Impairments(delay_ms=140, paced=True, surges=((6000, 200),))], noise(20))
    ticks = [tick for tick, _ in outcome.waits]
    first = ticks[0] + 6000 // FRAME_MS
    before = np.median([waited for tick, waited in outcome.waits if tick < first])
    after = np.array([waited for tick, waited in outcome.waits if tick > first + 5200 // FRAME_MS])
    highest = max(waited for _, waited in outcome.waits)
    print(f"\nsurge: base {before:.0f} ms, highest {highest:.0f} ms, 5 s later {np.median(after[:50]):.0f} ms")
    assert highest > before + 50, "there was no surge"
    assert np.median(after[:50]) <= before + 20


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.scenario("MED-05", peer="scripted party + relay", transport="udp")
@pytest.mark.timeout(400)
async def test_a_clock_that_drifts_adds_no_delay_and_no_gap() -> None:
    """Four minutes, not sixty: at 500 ppm 120 ms, of which a buffer that only grew would show all."""
    seconds = 240
    fast, slow, faster, slower = await through(
        [Impairments(delay_ms=300, paced=True, drift_ppm=ppm) for ppm in (100, -100, 500, -500)], noise(seconds)
    )
    for ppm, outcome in ((100, fast), (-100, slow), (500, faster), (-500, slower)):
        waits = outcome.added_ms()
        grown = float(np.median(waits[-500:]) - np.median(waits[:500]))
        lags = outcome.lags_ms()
        corrections = sum(before != after for before, after in pairwise(lags))
        print(f"\n{ppm} ppm: delay grew {grown:.0f} ms, {corrections} corrections, moved {lags[-1]:.0f} ms")
        assert grown <= 20
        assert corrections <= seconds / 10
