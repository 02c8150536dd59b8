"""What the metrics count, and how they are named."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from gateway.call.leg import MediaStatistics
from gateway.link.v1 import link_pb2 as pb
from gateway.observe import metrics

Delta = Callable[..., float]


@pytest.fixture
def delta() -> Delta:
    """How much a sample has grown since the test began."""
    before = {(s.name, tuple(sorted(s.labels.items()))): s.value for m in REGISTRY.collect() for s in m.samples}

    def since(name: str, **labels: str) -> float:
        value = REGISTRY.get_sample_value(name, labels) or 0
        return value - before.get((name, tuple(sorted(labels.items()))), 0)

    return since


def test_every_metric_is_ours_and_names_its_unit() -> None:
    ours = [metric for metric in REGISTRY.collect() if metric.name.startswith("parley_")]
    assert len(ours) > 20
    for metric in ours:
        assert metric.documentation.endswith(".")
        if metric.type == "histogram":
            assert metric.name.endswith(("_seconds", "_ratio", "_mos"))


def test_a_turn_counts_each_part_in_seconds(delta: Delta) -> None:
    metrics.observe_turn({"endpointing": 400, "transcriber": 100, "model": 20, "voice": 60, "playout": 20, "x": 7})
    assert delta("parley_turn_latency_seconds_sum", part="endpointing") == pytest.approx(0.4)
    assert delta("parley_turn_latency_seconds_sum", part="total") == pytest.approx(0.6)
    assert delta("parley_turn_latency_seconds_count", part="total") == 1


def test_a_given_total_is_kept(delta: Delta) -> None:
    metrics.observe_turn({"model": 20, "total": 500})
    assert delta("parley_turn_latency_seconds_sum", part="total") == pytest.approx(0.5)


def test_an_ended_call_counts_with_its_reason_and_length(delta: Delta) -> None:
    metrics.observe_call_ended("inbound", "customer-ended-call", duration_ms=90_000)
    metrics.observe_call_ended("inbound", "customer-ended-call")
    assert delta("parley_calls_ended_total", direction="inbound", reason="customer-ended-call") == 2
    assert delta("parley_call_duration_seconds_sum") == pytest.approx(90)
    assert delta("parley_call_duration_seconds_count") == 1


@given(st.text())
def test_a_reason_that_is_no_plain_word_counts_as_other(reason: str) -> None:
    label = metrics._bounded(reason)
    assert label == "other" or re.fullmatch(r"[a-z0-9.-]+", label)


def test_reasons_beyond_the_limit_count_as_other(delta: Delta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_known_reasons", {f"reason-{number}" for number in range(64)})
    metrics.observe_call_ended("outbound", "one-more")
    metrics.observe_call_ended("outbound", "reason-7")
    assert delta("parley_calls_ended_total", direction="outbound", reason="other") == 1
    assert delta("parley_calls_ended_total", direction="outbound", reason="reason-7") == 1


def test_media_figures_are_taken_over_in_base_units(delta: Delta) -> None:
    metrics.observe_media(
        MediaStatistics(
            codec="PCMU",
            packets_received=500,
            packets_sent=480,
            packets_lost=3,
            packets_lost_remote=-1,
            jitter_ms=12,
            round_trip_ms=None,
            packets_discarded=2,
            over_rtp=True,
        )
    )
    assert delta("parley_rtp_packets_total", direction="received") == 500
    assert delta("parley_rtp_packets_total", direction="sent") == 480
    assert delta("parley_rtp_packets_lost_total", direction="received") == 3
    assert delta("parley_rtp_packets_lost_total", direction="sent") == 0
    assert delta("parley_rtp_jitter_seconds_sum") == pytest.approx(0.012)
    assert delta("parley_rtp_round_trip_seconds_count") == 0
    assert delta("parley_rtp_packets_discarded_total") == 2
    assert delta("parley_rtp_loss_ratio_sum", direction="received") == pytest.approx(0.0099)
    assert delta("parley_call_mos_count", direction="received") == 1
    assert delta("parley_call_mos_count", direction="sent") == 0, "the far end reported nothing"


def test_an_underrun_counts_once_with_its_silence(delta: Delta) -> None:
    metrics.observe_underrun(400)
    assert delta("parley_playout_underruns_total") == 1
    assert delta("parley_playout_underrun_seconds_total") == pytest.approx(0.05)


def test_a_lost_worker_is_down_and_without_calls() -> None:
    metrics.observe_worker("w", calls=3, capacity=50, cpu=0.5, draining=True)
    assert REGISTRY.get_sample_value("parley_worker_up", {"worker": "w"}) == 1
    assert REGISTRY.get_sample_value("parley_worker_calls", {"worker": "w"}) == 3
    metrics.observe_worker_lost("w")
    for name in ("up", "calls", "cpu_cores", "draining"):
        assert REGISTRY.get_sample_value(f"parley_worker_{name}", {"worker": "w"}) == 0


def health(**fields: Any) -> pb.ProviderHealth:
    known = {"stage": "model", "name": "openai gpt-4o", "state": pb.ProviderHealth.STATE_CLOSED}
    return pb.ProviderHealth(**{**known, **fields})


def of_provider(name: str, worker: str = "worker-1", **labels: str) -> float | None:
    labels = {"worker": worker, "stage": "model", "provider": "openai gpt-4o", **labels}
    return REGISTRY.get_sample_value(f"parley_provider_{name}", labels)


def test_a_providers_health_is_that_of_the_worker(delta: Delta) -> None:
    labels = {"worker": "worker-1", "stage": "model", "provider": "openai gpt-4o"}
    metrics.observe_provider("worker-1", health(successes=9, first_result_p50_ms=200, first_result_p95_ms=500))
    metrics.observe_provider(
        "worker-1", health(successes=10, failures=3, state=pb.ProviderHealth.STATE_OPEN, open_seconds=7)
    )
    assert (of_provider("up"), of_provider("open_seconds")) == (0, 7)
    assert of_provider("first_result_seconds", quantile="0.95") == pytest.approx(0.5)
    assert delta("parley_provider_successes_total", **labels) == 10
    assert delta("parley_provider_failures_total", **labels) == 3


def test_a_worker_that_is_lost_has_no_health_and_its_counters_go_on(delta: Delta) -> None:
    labels = {"worker": "worker-7", "stage": "model", "provider": "openai gpt-4o"}
    metrics.observe_provider("worker-7", health(successes=5))
    metrics.observe_worker_lost("worker-7")
    assert of_provider("up", "worker-7") is None
    metrics.observe_provider("worker-7", health(successes=6))
    assert delta("parley_provider_successes_total", **labels) == 6, "the same process, attached again"
    metrics.observe_worker_lost("worker-7")
    metrics.observe_provider("worker-7", health(successes=2))
    assert delta("parley_provider_successes_total", **labels) == 8, "another process"


def test_the_providers_that_have_metrics_are_bounded() -> None:
    for number in range(300):
        metrics.observe_provider("worker-1", health(name=f"somebody {number}"))
    samples = [sample for metric in metrics.PROVIDER_UP.collect() for sample in metric.samples]
    assert len(samples) <= 128
