"""What a recording says, by the embedded recogniser: the ear of the tests."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from gateway.assistant.provider_settings import TranscriberSettings
from gateway.providers.base import Transcriber, TranscriptHint
from gateway.providers.registry import Providers
from tests.peers.speech import Samples, read_wav

_FRAME = 160
_PAUSE_FRAMES = 30
"""600 ms of silence end a passage."""
_LOUD_RMS = 250


def passages(samples: Samples) -> list[tuple[int, int]]:
    """First and last sample of each passage of speech, with 200 ms around it."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    loud = np.flatnonzero(np.sqrt(np.mean(frames**2, axis=1)) > _LOUD_RMS)
    if not len(loud):
        return []
    borders = np.flatnonzero(np.diff(loud) > _PAUSE_FRAMES)
    firsts, lasts = np.append(loud[0], loud[borders + 1]), np.append(loud[borders], loud[-1])
    around = 10
    return [
        (max(first - around, 0) * _FRAME, (last + around) * _FRAME) for first, last in zip(firsts, lasts, strict=True)
    ]


async def transcribe(recording: Path) -> list[str]:
    """The text of each passage of speech, in order, in lower case."""
    samples = read_wav(recording)
    transcriber = Providers().transcriber(TranscriberSettings(provider="embedded"))
    return [await _text(transcriber, samples[start:end]) for start, end in passages(samples)]


async def _text(transcriber: Transcriber, samples: Samples) -> str:
    stream = await transcriber.open()
    for offset in range(0, len(samples) - _FRAME + 1, _FRAME):
        stream.push(samples[offset : offset + _FRAME].tobytes(), offset // 8)
    stream.finish(1, 0, len(samples) // 8, TranscriptHint())
    try:
        async with asyncio.timeout(30):
            async for transcript in stream:
                if transcript.final:
                    return transcript.text.lower()
    finally:
        await stream.close()
    return ""
