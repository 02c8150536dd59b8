from __future__ import annotations

from structlog.testing import capture_logs

from gateway.call.refusals import QUIET_SECONDS, Refusals
from gateway.errors import NoWorker, OverCapacity


def test_a_flood_of_refusals_is_counted_and_told_now_and_then() -> None:
    now = 0.0
    refusals = Refusals(clock=lambda: now)
    with capture_logs() as lines:
        for _ in range(1200):
            refusals.add(OverCapacity("full"), caller="sip:a@h", number="1")
            now += QUIET_SECONDS / 512
        refusals.add(NoWorker("none"), caller="sip:b@h", number="2")
    assert refusals.counts == {"over-capacity": 1200, "no-worker": 1}
    assert [(line["kind"], line.get("more_since_last_line")) for line in lines] == [
        ("over-capacity", None),
        ("over-capacity", 511),
        ("over-capacity", 511),
        ("no-worker", None),
    ]
