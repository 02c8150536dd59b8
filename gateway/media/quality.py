"""How good a call's audio was, estimated from its RTP figures by the E-model (ITU-T G.107 (06/2015)).

What no packet tells is taken as G.107's defaults: handsets, rooms, no echo. So the estimate speaks of the network and
the codec, not of a bad microphone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.call.leg import MediaStatistics

_BASIC_R = 93.2
"""R with all defaults and nothing lost, table 3 of G.107."""
_UNNOTICED_DELAY_MS = 100.0
_PACKET_MS = 20.0
_LEAST_BUFFER_MS = 20.0


@dataclass(frozen=True, slots=True)
class Codec:
    """Impairment without loss, and robustness against it (G.113 appendix I)."""

    impairment: float
    robustness: float


CODECS: Mapping[str, Codec] = {
    # G.711 with packet loss concealment
    "pcmu": Codec(0, 25.1),
    "pcma": Codec(0, 25.1),
    # G.113 has these in wideband only; here they are heard at 8 kHz, where what they cost is less than of G.711's noise
    "g722": Codec(0, 25.1),
    "opus": Codec(0, 25.1),
}


@dataclass(frozen=True, slots=True)
class Quality:
    """Of one direction. `known` is whether anything tells of it: a packet, or a report of the far end. `loss_percent`
    is what the listener did not get: lost on the way, or too late for the buffer. `mos` is 1…4.5, None when nothing is
    known, and for a codec that the estimate does not know."""

    known: bool
    loss_percent: float
    delay_ms: float
    mos: float | None


def received_quality(media: MediaStatistics) -> Quality:
    """What we heard of the far end."""
    expected = media.packets_received - media.packets_duplicated + media.packets_lost
    missed = media.packets_lost + media.packets_discarded
    loss = _percent(missed, expected)
    delay = (media.round_trip_ms or 0.0) / 2 + _PACKET_MS + max(_LEAST_BUFFER_MS, media.buffer_ms)
    burst = _burst_ratio(media.loss_burst_ms / _PACKET_MS, loss)
    known = media.packets_received > 0
    return Quality(known, loss, delay, _mos(media.codec, loss, delay, burst) if known else None)


def sent_quality(media: MediaStatistics) -> Quality:
    """What the far end heard of us, by its own reports; its buffer, which it does not tell, is taken as twice its
    jitter."""
    loss = _percent(media.packets_lost_remote, media.packets_sent)
    buffer = max(_LEAST_BUFFER_MS, 2 * media.jitter_remote_ms)
    delay = (media.round_trip_ms or 0.0) / 2 + _PACKET_MS + buffer
    known = media.reports_received > 0
    return Quality(known, loss, delay, _mos(media.codec, loss, delay, 1.0) if known else None)


def mos_of(*, loss_percent: float, delay_ms: float, codec: Codec, burst_ratio: float = 1.0) -> float:
    """Mean opinion score of R (G.107 annex B).

    :param delay_ms: mouth to ear, one way
    :param burst_ratio: mean length of the losses by what it would be if they were independent, at least 1
    """
    rating = _BASIC_R - _delay_impairment(delay_ms) - _loss_impairment(loss_percent, codec, burst_ratio)
    if rating <= 0:
        return 1.0
    rating = min(rating, 100.0)
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)


def _mos(codec: str, loss_percent: float, delay_ms: float, burst_ratio: float) -> float | None:
    known = CODECS.get(codec.lower())
    if known is None:
        return None
    return round(mos_of(loss_percent=loss_percent, delay_ms=delay_ms, codec=known, burst_ratio=burst_ratio), 2)


def _delay_impairment(delay_ms: float) -> float:
    """Idd, equation 7-27 and 7-28: nothing up to 100 ms."""
    if delay_ms <= _UNNOTICED_DELAY_MS:
        return 0.0
    doublings = math.log2(delay_ms / _UNNOTICED_DELAY_MS)
    sixth = (1 + doublings**6) ** (1 / 6)
    return float(25 * (sixth - 3 * (1 + (doublings / 3) ** 6) ** (1 / 6) + 2))


def _loss_impairment(loss_percent: float, codec: Codec, burst_ratio: float) -> float:
    """Ie,eff, equation 7-29."""
    if not loss_percent:
        return codec.impairment
    most = 95 - codec.impairment
    return codec.impairment + most * loss_percent / (loss_percent / burst_ratio + codec.robustness)


def _burst_ratio(mean_packets: float, loss_percent: float) -> float:
    return max(1.0, mean_packets * (1 - loss_percent / 100))


def _percent(part: int, whole: int) -> float:
    return round(min(100.0, 100 * max(0, part) / whole), 2) if whole > 0 else 0.0
