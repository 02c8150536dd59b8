"""Has each end of the caller's speech judged by sound: has he finished?

The detector hears the turn so far. Judging takes time; when the caller speaks again meanwhile, or falls silent once
more, the older judgement is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.conversation.events import Event, SpeechEnded, SpeechStarted, TurnEndJudged
from gateway.conversation.speech import SpeechEdge
from gateway.errors import ProviderError
from gateway.media.audio import SAMPLE_BYTES, ms_to_samples, samples_to_ms
from gateway.providers.base import TurnDetector
from gateway.worker.clock import CallClock

LONGEST_MS = 8_000
PRE_ROLL_MS = 500
NEW_TURN_MS = 3_000
"""What was said so long ago is no part of the turn, even if it was none by itself: an acknowledgement, a cough."""
POST_ROLL_MS = 100
"""After the last speech, as long as the caller's silence is certain."""

logger = structlog.get_logger(__name__)


class TurnEnds:
    """One call's judgements. `push` audio, tell each `edge`, and `run` meanwhile."""

    def __init__(self, detector: TurnDetector, *, clock: CallClock, dispatch: Callable[[Event], None]) -> None:
        self._detector = detector
        self._clock = clock
        self._dispatch = dispatch
        self._pcm = bytearray()
        self._end_ms = 0
        self._turn_ms: int | None = None
        self._spoken_ms = 0
        self._wanted: tuple[int, bytes] | None = None
        self._wake = asyncio.Event()
        self._complained = False

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Consecutive frames that start at `at_ms` of the call clock."""
        if at_ms != self._end_ms:
            self._pcm.clear()
        self._pcm += pcm
        self._end_ms = at_ms + samples_to_ms(len(pcm) // SAMPLE_BYTES)
        del self._pcm[: max(0, len(self._pcm) - ms_to_samples(LONGEST_MS) * SAMPLE_BYTES)]

    def edge(self, edge: SpeechEdge) -> None:
        """The caller began or ceased to speak."""
        if isinstance(edge, SpeechStarted):
            self._wanted = None
            if self._turn_ms is None or edge.onset_ms - self._spoken_ms > NEW_TURN_MS:
                self._turn_ms = edge.onset_ms - PRE_ROLL_MS
        elif isinstance(edge, SpeechEnded):
            self._spoken_ms = edge.end_ms
            self._wanted = edge.end_ms, self._turn(edge.end_ms + POST_ROLL_MS)
            self._wake.set()

    def taken(self) -> None:
        """The turn is taken: what is said from now on is another."""
        self._wanted, self._turn_ms = None, None

    def _turn(self, end_ms: int) -> bytes:
        """The audio of the turn up to this moment."""
        first_ms = self._end_ms - samples_to_ms(len(self._pcm) // SAMPLE_BYTES)
        start_ms = first_ms if self._turn_ms is None else max(first_ms, self._turn_ms)
        start, end = (ms_to_samples(ms - first_ms) * SAMPLE_BYTES for ms in (start_ms, max(start_ms, end_ms)))
        return bytes(self._pcm[start:end])

    async def run(self) -> None:
        """Judge until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if (wanted := self._wanted) is None:
                continue
            probability = await self._judge(wanted[1])
            if probability is not None and wanted is self._wanted:
                self._dispatch(TurnEndJudged(self._clock.now(), wanted[0], probability))

    async def _judge(self, pcm: bytes) -> float | None:
        try:
            return await self._detector.judge(pcm)
        except ProviderError as error:
            if not self._complained:
                logger.warning("turn detector failed", error=str(error))
            self._complained = True
            return None
