"""The caller's audio that the next worker has to hear: what no turn holds, without the quiet before it. Pure."""

from __future__ import annotations

import audioop
from collections.abc import Sequence
from itertools import islice

from gateway.media.audio import FRAME_MS, SAMPLE_BYTES

QUIET_RMS = 104
"""-50 dB below full scale: nothing that is quieter is taken for speech."""
LEAD_IN_FRAMES = 25
"""Kept before the first loud frame: 500 ms, in which a detector settles."""
SPEECH_FRAMES = 8
"""Loud frames that make it likely that something was said."""


def unheard(frames: Sequence[bytes], end_ms: int, since_ms: int) -> tuple[int, list[bytes]]:
    """When it begins, ms of the call clock, and the frames of 20 ms from there on.

    :param frames: the newest ones of the call, without a gap
    :param end_ms: when the last of them ends
    :param since_ms: until when the journal has turned the caller's speech into turns
    """
    begin_ms = end_ms - len(frames) * FRAME_MS
    first = max(0, -(-(since_ms - begin_ms) // FRAME_MS))
    loud = next((n for n, frame in enumerate(islice(frames, first, None), first) if is_loud(frame)), len(frames))
    first = max(first, loud - LEAD_IN_FRAMES)
    return begin_ms + first * FRAME_MS, list(islice(frames, first, None))


def is_loud(frame: bytes) -> bool:
    """Whether the caller may be speaking in it."""
    return audioop.rms(frame, SAMPLE_BYTES) >= QUIET_RMS


def has_speech(frames: Sequence[bytes]) -> bool:
    """Whether something was said in it, probably."""
    return sum(map(is_loud, frames)) >= SPEECH_FRAMES
