"""RTP figures of a call, out of what pjmedia counts."""

from __future__ import annotations

from typing import Any

from gateway.call.leg import MediaStatistics
from gateway.sip.library import pj


def read_statistics(call: Any) -> MediaStatistics | None:
    """Figures of a call's audio stream; None when it has none. For the owner thread."""
    # members are pointers into their structure: each structure needs a name for as long as its members are read
    try:
        info = call.getInfo()
        index = next(int(media.index) for media in info.media if media.type == pj.PJMEDIA_TYPE_AUDIO)
        stream = call.getStreamInfo(index)
        statistics = call.getStreamStat(index)
    except (pj.Error, StopIteration):
        return None
    codec, rtcp = str(stream.codecName), statistics.rtcp
    round_trips = rtcp.rttUsec
    return MediaStatistics(
        codec=codec,
        packets_received=int(rtcp.rxStat.pkt),
        packets_sent=int(rtcp.txStat.pkt),
        packets_lost=int(rtcp.rxStat.loss),
        packets_lost_remote=int(rtcp.txStat.loss),
        jitter_ms=float(rtcp.rxStat.jitterUsec.mean) / 1000,
        round_trip_ms=float(round_trips.mean) / 1000 if round_trips.n else None,
    )
