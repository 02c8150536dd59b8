"""What a call's record and its artifact say of its audio's way through the network."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway.call.leg import MediaStatistics
from gateway.media.quality import received_quality, sent_quality


class Media(BaseModel):
    """The journal's `statistics`: packets, ms, percent. What ends in `_remote` is what the far end said of what we sent
    (RTCP); `mos` is estimated by the E-model, None where its codec is not known to it, where there was no
    RTP, and of what we sent when the far end reported nothing."""

    model_config = ConfigDict(extra="ignore")

    codec: str
    packets_received: int
    packets_sent: int
    packets_lost: int
    packets_lost_remote: int
    jitter_ms: float
    round_trip_ms: float | None = None
    packets_discarded: int = 0
    packets_duplicated: int = 0
    packets_reordered: int = 0
    jitter_max_ms: float = 0.0
    jitter_remote_ms: float = 0.0
    jitter_remote_max_ms: float = 0.0
    loss_burst_ms: float = 0.0
    buffer_ms: float = 0.0
    buffer_max_ms: float = 0.0
    reports_received: int = 0
    loss_percent: float = 0.0
    loss_percent_remote: float = 0.0
    mos: float | None = None
    mos_remote: float | None = None


def media_of(statistics: MediaStatistics) -> dict[str, Any]:
    """The figures with what follows from them, as the journal has them."""
    heard, told = received_quality(statistics), sent_quality(statistics)
    counted = {name: getattr(statistics, name) for name in MediaStatistics.__slots__ if name in Media.model_fields}
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in counted.items()}
    return {
        **rounded,
        "loss_percent": heard.loss_percent,
        "loss_percent_remote": told.loss_percent,
        "mos": heard.mos if statistics.over_rtp else None,
        "mos_remote": told.mos if statistics.over_rtp else None,
    }
