"""Metrics of what becomes of events in the control plane, above all of the messages to users' servers."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter(
    "parley_webhook_attempts_total", "Attempts to deliver a message: delivered, failed, given up.", ["result"]
)
LATENESS = Histogram(
    "parley_webhook_lateness_seconds",
    "From the event to the first attempt to deliver its message.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300),
)
WAITING = Gauge("parley_webhook_waiting", "Messages that are not delivered yet.")
OLDEST_SECONDS = Gauge("parley_webhook_oldest_seconds", "Age of the oldest message that is not delivered yet.")
EVENT_GAPS = Counter("parley_event_gaps_total", "Times that events of a call were missing when later ones came.")
