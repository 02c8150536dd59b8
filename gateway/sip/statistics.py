"""RTP figures of a call, out of what pjmedia counts."""

from __future__ import annotations

from typing import Any

from gateway.call.leg import MediaStatistics
from gateway.sip.library import call_audio, pj


def read_statistics(call: Any) -> MediaStatistics | None:
    """Figures of a call's audio stream; None when it has none. For the owner thread."""
    # members are pointers into their structure: each structure needs a name for as long as its members are read
    try:
        info = call.getInfo()
        audio = call_audio(info)
        if audio is None:
            return None
        stream = call.getStreamInfo(audio.index)
        statistics = call.getStreamStat(audio.index)
    except pj.Error:
        return None
    rtcp, buffer = statistics.rtcp, statistics.jbuf
    received, sent = rtcp.rxStat, rtcp.txStat
    jitter, remote_jitter, bursts = received.jitterUsec, sent.jitterUsec, received.lossPeriodUsec
    round_trips = rtcp.rttUsec
    return MediaStatistics(
        codec=str(stream.codecName),
        packets_received=int(received.pkt),
        packets_sent=int(sent.pkt),
        packets_lost=int(received.loss),
        packets_lost_remote=int(sent.loss),
        jitter_ms=_mean_ms(jitter),
        round_trip_ms=_mean_ms(round_trips) if round_trips.n else None,
        packets_discarded=int(received.discard) + int(buffer.discard),
        packets_duplicated=int(received.dup),
        packets_reordered=int(received.reorder),
        bytes_received=int(received.bytes),
        jitter_max_ms=_most_ms(jitter),
        jitter_remote_ms=_mean_ms(remote_jitter),
        jitter_remote_max_ms=_most_ms(remote_jitter),
        loss_burst_ms=_mean_ms(bursts),
        buffer_ms=float(buffer.avgDelayMsec),
        buffer_max_ms=float(buffer.maxDelayMsec),
        reports_received=int(sent.updateCount),
        over_rtp=True,
    )


def _mean_ms(figures: Any) -> float:
    """Of pjmedia's running figures, µs; 0 without any."""
    return float(figures.mean) / 1000 if figures.n else 0.0


def _most_ms(figures: Any) -> float:
    return float(figures.max) / 1000 if figures.n else 0.0
