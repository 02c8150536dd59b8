"""Metrics of the api process. Its labels hold paths of routes, never the paths that a client chose."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

REQUESTS = Counter("parley_api_requests_total", "Requests answered by the REST API.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "parley_api_request_seconds",
    "First byte of a request to the last of its answer.",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
