"""Text of a whole recording by the embedded transcriber, line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.assistant.provider_settings import TranscriberSettings
from gateway.media.audio import FRAME_BYTES, ms_to_samples, samples_to_ms
from gateway.providers.base import TranscriptHint
from gateway.providers.registry import Providers, make_detector

SPEECH = 0.5
"""Probability from which a window counts as speech."""
GAP_MS = 700
"""Silence that ends a passage."""
MARGIN_MS = 160
"""Kept before and after a passage: soft beginnings and ends are below the threshold."""
_LINE_SECONDS = 30.0


def transcribe(pcm: bytes) -> str:
    """One line per passage of speech in 8000 Hz PCM. Blocking; loads the models at the first use.

    :raises ModelError: when a model is missing
    """
    return asyncio.run(heard_in(pcm))


def passages(probabilities: Sequence[float], window_ms: float) -> list[tuple[int, int]]:
    """Beginnings and ends of speech in ms, margins included, from a probability per window of `window_ms`."""
    found: list[tuple[int, int]] = []
    for index, probability in enumerate(probabilities):
        if probability < SPEECH:
            continue
        start, end = round(index * window_ms) - MARGIN_MS, round((index + 1) * window_ms) + MARGIN_MS
        if found and start - found[-1][1] < GAP_MS - 2 * MARGIN_MS:
            found[-1] = (found[-1][0], end)
        else:
            found.append((max(0, start), end))
    return found


async def heard_in(pcm: bytes) -> str:
    """As `transcribe`, within a running loop."""
    detector = make_detector()
    frames = [pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]
    probabilities = [probability for frame in frames for probability in detector.push(frame)]
    length_ms = samples_to_ms(len(pcm) // 2)
    lines = [
        await _line(pcm, start_ms, min(end_ms, length_ms))
        for start_ms, end_ms in passages(probabilities, detector.window_ms)
    ]
    return "\n".join(line for line in lines if line)


async def _line(pcm: bytes, start_ms: int, end_ms: int) -> str:
    stream = await Providers().transcriber(TranscriberSettings(provider="embedded")).open()
    try:
        stream.push(pcm[2 * ms_to_samples(start_ms) : 2 * ms_to_samples(end_ms)], start_ms)
        stream.finish(1, start_ms, end_ms, TranscriptHint())
        async with asyncio.timeout(_LINE_SECONDS):
            async for transcript in stream:
                if transcript.final:
                    return transcript.text
    finally:
        await stream.close()
    return ""
