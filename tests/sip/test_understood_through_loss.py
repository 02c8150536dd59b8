"""How much less the embedded recogniser understands of human speech that came through a lossy line.

Word error rates beside each other: the same sentences, once over a line that loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from bench.telephone_speech import Case, sentences
from bench.transcription import score
from gateway.media.audio import SAMPLE_BYTES
from gateway.providers.stt.embedded import embedded_recognisers
from tests.peers.impairment import Impairments
from tests.sip.test_network import Outcome, through

_SENTENCES = 50
_CALM = Impairments(delay_ms=140, paced=True)
_NETWORKS = (
    ("MED-01", "1 % lost", replace(_CALM, loss=0.01), 0.5),
    ("MED-01", "5 % lost", replace(_CALM, loss=0.05), 2.0),
    ("MED-01", "10 % lost", replace(_CALM, loss=0.10), 6.0),
    ("MED-02", "5 % lost in bursts of 3", replace(_CALM, burst_loss=0.05, burst_packets=3), 4.0),
)


@pytest.mark.long
@pytest.mark.models
@pytest.mark.scenario("MED-01", peer="scripted party + relay", transport="udp")
@pytest.mark.scenario("MED-02", peer="scripted party + relay", transport="udp")
@pytest.mark.timeout(900)
async def test_a_lossy_line_costs_few_words() -> None:
    cases = list(sentences(_SENTENCES))
    spoken = [np.frombuffer(case.pcm, "<i2") for case in cases]
    outcomes = await through([_CALM, *(network for _, _, network, _ in _NETWORKS)], np.concatenate(spoken))
    rates = [await asyncio.to_thread(_error_percent, _as_heard(cases, outcome)) for outcome in outcomes]
    added = [rate - rates[0] for rate in rates[1:]]
    for (row, name, _, limit), outcome, points in zip(_NETWORKS, outcomes[1:], added, strict=True):
        print(f"\n{row} {name} (in truth {100 * outcome.truth.loss:.1f} %): {points:+.1f} points, at most {limit}")
    print(f"without loss: {rates[0]:.1f} %")
    assert all(points <= limit for points, (_, _, _, limit) in zip(added, _NETWORKS, strict=True)), added


def _as_heard(cases: Sequence[Case], outcome: Outcome) -> list[Case]:
    """The cases with what came of them."""
    heard: list[Case] = []
    at = _delay_of(outcome)
    for case in cases:
        samples = len(case.pcm) // SAMPLE_BYTES
        heard.append(replace(case, pcm=outcome.heard[max(0, at) : at + samples].tobytes()))
        at += samples
    return heard


def _delay_of(outcome: Outcome) -> int:
    """Samples from the beginning of what was heard to the beginning of what was sent."""
    length = 8 * 8000
    sent, heard = outcome.sent[:length].astype(float), outcome.heard[:length].astype(float)
    size = 2 * length
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sent, size)), size)
    shift = int(np.argmax(product))
    return shift if shift < length else shift - size


def _error_percent(cases: Sequence[Case]) -> float:
    counted = score(embedded_recognisers()["embedded"], cases)["sentence"]
    return 100 * counted.errors / counted.words
