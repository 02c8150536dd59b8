"""The E-model, against figures of ITU-T G.107 and what anybody would expect of a network."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.leg import MediaStatistics
from gateway.media.quality import CODECS, Codec, mos_of, received_quality, sent_quality

G711 = CODECS["pcmu"]
G729A = Codec(11, 19)

GOOD = MediaStatistics(
    "PCMU", 1000, 1000, 0, 0, 1.0, 40.0, buffer_ms=20.0, jitter_remote_ms=1.0, reports_received=4, over_rtp=True
)


@pytest.mark.parametrize(
    ("loss", "delay_ms", "codec", "mos"),
    [
        (0, 0, G711, 4.41),  # R 93.2: annex B of G.107
        (0, 150, G711, 4.39),
        (0, 400, G711, 3.55),
        (0, 0, G729A, 4.13),  # R 82.2
        (1, 0, G711, 4.34),
        (5, 0, G711, 3.98),
        (10, 0, G711, 3.42),
        (100, 0, G711, 1.18),
    ],
)
def test_scores_of_the_recommendation(loss: float, delay_ms: float, codec: Codec, mos: float) -> None:
    assert mos_of(loss_percent=loss, delay_ms=delay_ms, codec=codec) == pytest.approx(mos, abs=0.06)


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 2000), st.floats(1, 8))
def test_more_loss_never_sounds_better(loss: float, more: float, delay_ms: float, bursts: float) -> None:
    low, high = sorted((loss, more))
    better = mos_of(loss_percent=low, delay_ms=delay_ms, codec=G711, burst_ratio=bursts)
    worse = mos_of(loss_percent=high, delay_ms=delay_ms, codec=G711, burst_ratio=bursts)
    assert 1 <= worse <= better + 1e-9 <= 4.5


@given(st.floats(0, 3000), st.floats(0, 3000))
def test_more_delay_never_sounds_better(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert mos_of(loss_percent=1, delay_ms=high, codec=G711) <= mos_of(loss_percent=1, delay_ms=low, codec=G711) + 1e-9


def test_losses_in_a_row_sound_worse_than_as_many_apart() -> None:
    apart = mos_of(loss_percent=5, delay_ms=0, codec=G711)
    assert mos_of(loss_percent=5, delay_ms=0, codec=G711, burst_ratio=3) < apart


def test_what_comes_too_late_counts_as_lost() -> None:
    quality = received_quality(replace(GOOD, packets_received=950, packets_lost=50, packets_discarded=10))
    assert quality.loss_percent == 6.0


def test_a_duplicate_makes_nothing_better() -> None:
    doubled = replace(GOOD, packets_received=1050, packets_duplicated=100, packets_lost=50)
    assert received_quality(doubled).loss_percent == 5.0


def test_the_delay_is_half_the_round_trip_a_packet_and_the_buffer() -> None:
    assert received_quality(GOOD).delay_ms == 20 + 20 + 20
    assert sent_quality(replace(GOOD, jitter_remote_ms=30)).delay_ms == 20 + 20 + 60


def test_nothing_is_said_of_a_direction_that_nobody_reported() -> None:
    assert sent_quality(replace(GOOD, reports_received=0)).mos is None
    assert received_quality(replace(GOOD, packets_received=0)).mos is None
    assert received_quality(replace(GOOD, codec="pcm_s16le/16000")).mos is None


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-10, 10**6))
def test_any_figures_make_a_score_on_the_scale(received: int, lost: int, discarded: int, doubled: int) -> None:
    figures = replace(
        GOOD,
        packets_received=received,
        packets_lost=lost,
        packets_discarded=discarded,
        packets_duplicated=doubled,
    )
    quality = received_quality(figures)
    assert 0 <= quality.loss_percent <= 100
    assert quality.mos is None or 1 <= quality.mos <= 4.5
