"""Every metric of Parley, by name.

Times are seconds, sizes are calls, packets or datagrams; counters end in `_total`. Labels hold configured names or
words of a fixed list, never a call id, a number or a text that a caller or a model chose.

The gateway process measures them all: what happens in a worker reaches it through the call's journal (turn latency,
tool requests) and the worker's load reports, so one scrape shows the whole machine.

The `observe_…` functions turn what the parts have at hand (milliseconds, `MediaStatistics`) into these metrics.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram, Info, disable_created_metrics

from gateway import __version__
from gateway.media.one_way import Sense
from gateway.media.quality import received_quality, sent_quality

if TYPE_CHECKING:
    from gateway.call.leg import MediaStatistics
    from gateway.link.v1.link_pb2 import ProviderHealth

LATENCY_PARTS: Final = ("jitter_buffer", "endpointing", "transcriber", "model", "voice", "playout", "total")
"""Parts of a turn's latency: they add up to `total`, from the caller's last speech to the first sound of the answer."""

disable_created_metrics()  # type: ignore[no-untyped-call]

_TURN_BUCKETS = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.1, 1.5, 2, 3, 5)
_NETWORK_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1)
_LOSS_BUCKETS = (0, 0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5)
_THREAD_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 5)

BUILD = Info("parley_build", "Version of Parley that runs.")
BUILD.info({"version": __version__})

# ---------------------------------------------------------------- calls

CALLS_ACTIVE = Gauge("parley_calls_active", "Calls that are going on.", ["direction"])
CALLS_ENDED = Counter("parley_calls_ended_total", "Calls that have ended, by endedReason.", ["direction", "reason"])
CALLS_REFUSED = Counter(
    "parley_calls_refused_total", "Incoming calls refused before answer, by CallRefused.reason.", ["reason"]
)
STRAIN = Gauge(
    "parley_strain",
    "What new calls are refused for when it is too high (admission): lateness in ms, the others as parts of 1.",
    ["measure"],
)
CALL_MOVES = Counter("parley_call_moves_total", "Calls that went on at another worker, by why.", ["because"])
CALL_MOVE_SECONDS = Histogram(
    "parley_call_move_seconds",
    "From the loss of a call's worker until another one has the call.",
    buckets=(0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3),
)
CALL_DURATION = Histogram(
    "parley_call_duration_seconds",
    "Answer to end of a call.",
    buckets=(1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600),
)

# ---------------------------------------------------------------- conversation

TURN_LATENCY = Histogram(
    "parley_turn_latency_seconds",
    "Caller's last speech arrived in RTP to first sound of the answer sent in RTP, by part; part=total is the whole.",
    ["part"],
    buckets=_TURN_BUCKETS,
)
PAUSES = Counter(
    "parley_playout_pauses_total",
    "Times the caller's speech paused playout, by what the worker decided: cut, resume or timeout.",
    ["decision"],
)
TOOL_REQUESTS = Counter("parley_tool_requests_total", "Tools run for the model: ok or error.", ["outcome"])

# ---------------------------------------------------------------- media

PLAYOUT_UNDERRUNS = Counter("parley_playout_underruns_total", "Times an utterance had to wait for audio that was late.")
PLAYOUT_UNDERRUN_SECONDS = Counter(
    "parley_playout_underrun_seconds_total", "Silence sent inside utterances because their audio was late."
)
RTP_PACKETS = Counter("parley_rtp_packets_total", "RTP packets of ended calls: received or sent.", ["direction"])
RTP_PACKETS_LOST = Counter(
    "parley_rtp_packets_lost_total",
    "RTP packets of ended calls that were lost on the way: received is towards us, sent as the far end reported it.",
    ["direction"],
)
RTP_JITTER = Histogram(
    "parley_rtp_jitter_seconds", "Mean interarrival jitter of a call's received RTP.", buckets=_NETWORK_BUCKETS
)
RTP_PACKETS_DISCARDED = Counter(
    "parley_rtp_packets_discarded_total",
    "RTP packets of ended calls that came, and were not heard: too late, or more than the jitter buffer could keep.",
)
RTP_JITTER_MAX = Histogram(
    "parley_rtp_jitter_max_seconds", "Highest interarrival jitter of a call's received RTP.", buckets=_NETWORK_BUCKETS
)
RTP_LOSS = Histogram(
    "parley_rtp_loss_ratio",
    "Part of a call's audio that was lost or late: received is what we did not hear, sent what the far end reported.",
    ["direction"],
    buckets=_LOSS_BUCKETS,
)
CALL_MOS = Histogram(
    "parley_call_mos",
    "Mean opinion score of a call, 1 to 4.5, estimated by the E-model: of what we heard, and what the far end heard.",
    ["direction"],
    buckets=(2, 2.5, 3, 3.3, 3.6, 3.8, 4, 4.2, 4.3, 4.4),
)
RTP_ROUND_TRIP = Histogram(
    "parley_rtp_round_trip_seconds", "Mean round trip of a call by RTCP.", buckets=_NETWORK_BUCKETS
)
ONE_WAY_AUDIO = Counter(
    "parley_one_way_audio_total",
    "Times audio of a call went one way only: nothing-received, only-silence-received or nothing-arrives.",
    ["sense"],
)
MEDIA_THREAD_LATENESS = Histogram(
    "parley_media_thread_lateness_seconds",
    "How long after its tick the media thread took a frame; RTP does not wait for it.",
    buckets=_THREAD_BUCKETS,
)
LOOP_LATENESS = Histogram(
    "parley_loop_lateness_seconds", "How late the event loop woke up for its heartbeat.", buckets=_THREAD_BUCKETS
)

# ---------------------------------------------------------------- signalling

REGISTRATION_UP = Gauge("parley_registration_up", "1 while registered at the trunk.", ["trunk"])
TRUNK_GATEWAY_UP = Gauge(
    "parley_trunk_gateway_up",
    "1 while the trunk's gateway answers OPTIONS, by host or host:port.",
    ["trunk", "gateway"],
)
SIP_STRANGERS = Counter(
    "parley_sip_strangers_total", "Requests from no trunk's address that were refused or ignored (sip.strangers)."
)
SIP_MALFORMED = Counter("parley_sip_malformed_datagrams_total", "Datagrams on the SIP port that were no SIP message.")

# ---------------------------------------------------------------- workers

WORKER_UP = Gauge("parley_worker_up", "1 while the worker is attached and healthy.", ["worker"])
WORKER_CALLS = Gauge("parley_worker_calls", "Calls that the worker reports.", ["worker"])
WORKER_CAPACITY = Gauge("parley_worker_capacity", "Calls that the worker takes at most.", ["worker"])
WORKER_CPU = Gauge("parley_worker_cpu_cores", "Cores that the worker used over the last second.", ["worker"])
WORKER_DRAINING = Gauge("parley_worker_draining", "1 while the worker takes no new calls.", ["worker"])
WORKER_RESTARTS = Counter("parley_worker_restarts_total", "Local worker processes started again after they ended.")
API_RESTARTS = Counter("parley_api_restarts_total", "Local api processes started again after they ended.")

# ---------------------------------------------------------------- journals

DISK_FAILING = Gauge("parley_disk_failing", "1 while the disk does not take the journals of calls.")
DISK_STALLED_SECONDS = Gauge("parley_disk_stalled_seconds", "For how long the disk has not answered.")
JOURNAL_BYTES_WAITING = Gauge(
    "parley_journal_waiting_bytes", "Lines of journals in memory that the disk has not taken."
)
RECORDINGS_STOPPED = Gauge("parley_recordings_stopped", "1 while nothing is recorded, because the disk has no room.")
JOURNAL_LINES_DAMAGED = Counter(
    "parley_journal_lines_damaged_total", "Lines of journals that were left out, because the disk changed them."
)

# ---------------------------------------------------------------- providers

_OF_PROVIDER = ["worker", "stage", "provider"]
PROVIDER_UP = Gauge("parley_provider_up", "1 while the provider is in use, 0 while it is skipped.", _OF_PROVIDER)
PROVIDER_OPEN = Gauge("parley_provider_open_seconds", "For how much longer the provider is skipped.", _OF_PROVIDER)
PROVIDER_SUCCESSES = Counter("parley_provider_successes_total", "Requests that the provider answered.", _OF_PROVIDER)
PROVIDER_FAILURES = Counter("parley_provider_failures_total", "Requests that the provider failed.", _OF_PROVIDER)
PROVIDER_FIRST_RESULT = Gauge(
    "parley_provider_first_result_seconds",
    "Time to the first result of the provider's latest 50 requests, by quantile.",
    [*_OF_PROVIDER, "quantile"],
)

for _direction in ("inbound", "outbound"):
    CALLS_ACTIVE.labels(_direction)
for _outcome in ("ok", "error"):
    TOOL_REQUESTS.labels(_outcome)
for _sense in Sense:
    ONE_WAY_AUDIO.labels(_sense)

_REASON = re.compile(r"[a-z0-9]+([-.][a-z0-9]+)*")
_KNOWN_REASONS_LIMIT = 64
_known_reasons: set[str] = set()
_KNOWN_PROVIDERS_LIMIT = 128
_known_providers: dict[tuple[str, str, str], tuple[int, int]] = {}
"""What each worker told last: successes and failures since its start."""


def observe_call_ended(direction: str, reason: str, *, duration_ms: int | None = None) -> None:
    """Count an ended call.

    :param direction: inbound or outbound
    :param reason: endedReason; one that is no plain word, or beyond the 64th kind, counts as `other`
    :param duration_ms: answer to end; None for a call that was never answered
    """
    CALLS_ENDED.labels(direction, _bounded(reason)).inc()
    if duration_ms is not None:
        CALL_DURATION.observe(duration_ms / 1000)


def observe_turn(parts_ms: Mapping[str, float]) -> None:
    """Record one turn's latency.

    :param parts_ms: milliseconds by part; parts outside `LATENCY_PARTS` are left out, and a missing `total` is the sum
    """
    parts = {part: parts_ms[part] for part in LATENCY_PARTS if part in parts_ms}
    parts.setdefault("total", sum(parts.values()))
    for part, milliseconds in parts.items():
        TURN_LATENCY.labels(part).observe(max(0.0, milliseconds) / 1000)


def observe_underrun(samples: int, *, rate: int = 8000) -> None:
    """Count one playout underrun of `samples` samples of silence at `rate` Hz."""
    PLAYOUT_UNDERRUNS.inc()
    PLAYOUT_UNDERRUN_SECONDS.inc(samples / rate)


def observe_media(statistics: MediaStatistics) -> None:
    """Record the RTP figures of a call that has ended."""
    RTP_PACKETS.labels("received").inc(statistics.packets_received)
    RTP_PACKETS.labels("sent").inc(statistics.packets_sent)
    RTP_PACKETS_LOST.labels("received").inc(max(0, statistics.packets_lost))
    RTP_PACKETS_LOST.labels("sent").inc(max(0, statistics.packets_lost_remote))
    RTP_JITTER.observe(statistics.jitter_ms / 1000)
    if statistics.round_trip_ms is not None:
        RTP_ROUND_TRIP.observe(statistics.round_trip_ms / 1000)
    RTP_PACKETS_DISCARDED.inc(max(0, statistics.packets_discarded))
    if statistics.over_rtp and statistics.packets_received:
        RTP_JITTER_MAX.observe(statistics.jitter_max_ms / 1000)
    for direction, quality in (("received", received_quality(statistics)), ("sent", sent_quality(statistics))):
        if statistics.over_rtp and quality.known:
            RTP_LOSS.labels(direction).observe(quality.loss_percent / 100)
            if quality.mos is not None:
                CALL_MOS.labels(direction).observe(quality.mos)


def observe_worker(worker: str, *, calls: int, capacity: int, cpu: float, draining: bool) -> None:
    """Take over a worker's load report: it is up.

    :param worker: its name of a small fixed set: `worker-1` of a local one, the configured address of another
    """
    WORKER_UP.labels(worker).set(1)
    WORKER_CALLS.labels(worker).set(calls)
    WORKER_CAPACITY.labels(worker).set(capacity)
    WORKER_CPU.labels(worker).set(cpu)
    WORKER_DRAINING.labels(worker).set(draining)


def forget_worker(worker: str) -> None:
    """There is no worker of this name any more, by intention."""
    observe_worker_lost(worker)
    for gauge in (WORKER_UP, WORKER_CALLS, WORKER_CAPACITY, WORKER_CPU, WORKER_DRAINING):
        gauge.remove(worker)


def observe_worker_lost(worker: str) -> None:
    """The worker is gone: down, with no calls."""
    WORKER_UP.labels(worker).set(0)
    for gauge in (WORKER_CALLS, WORKER_CPU, WORKER_DRAINING):
        gauge.labels(worker).set(0)
    for known in _known_providers:
        if known[0] == worker:
            _forget(known)


def observe_provider(worker: str, health: ProviderHealth) -> None:
    """Take over what a worker tells of a provider. Beyond the 128th provider none is taken."""
    known = (worker, health.stage, health.name)
    if known not in _known_providers and len(_known_providers) >= _KNOWN_PROVIDERS_LIMIT:
        return
    before, now = _known_providers.get(known, (0, 0)), (health.successes, health.failures)
    if sum(now) < sum(before):  # the worker was started again
        before = (0, 0)
    _known_providers[known] = now
    PROVIDER_UP.labels(*known).set(health.state == health.STATE_CLOSED)
    PROVIDER_OPEN.labels(*known).set(health.open_seconds)
    PROVIDER_SUCCESSES.labels(*known).inc(now[0] - before[0])
    PROVIDER_FAILURES.labels(*known).inc(now[1] - before[1])
    if health.HasField("first_result_p95_ms"):
        PROVIDER_FIRST_RESULT.labels(*known, "0.5").set(health.first_result_p50_ms / 1000)
        PROVIDER_FIRST_RESULT.labels(*known, "0.95").set(health.first_result_p95_ms / 1000)


def _forget(known: tuple[str, str, str]) -> None:
    """A worker that is gone knows nothing of it; the counters stay, and count on when it is back."""
    for gauge in (PROVIDER_UP, PROVIDER_OPEN):
        gauge.remove(*known)
    for quantile in ("0.5", "0.95"):
        PROVIDER_FIRST_RESULT.remove(*known, quantile)


def _bounded(reason: str) -> str:
    if reason in _known_reasons:
        return reason
    if len(reason) > 80 or not _REASON.fullmatch(reason) or len(_known_reasons) >= _KNOWN_REASONS_LIMIT:
        return "other"
    _known_reasons.add(reason)
    return reason
