"""The caller's audio: to the detector, which finds the edges of speech, and to the transcriber."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import structlog

from gateway.conversation.commands import Screen, Transcribe
from gateway.conversation.events import (
    BeepHeard,
    EchoHeard,
    Event,
    PartialHeard,
    SpeechEnded,
    SpeechStarted,
    Transcribed,
    TranscriberFailed,
    TurnEndJudged,
)
from gateway.errors import ProviderError, ProviderUnavailable
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import SAMPLE_BYTES, samples_to_ms
from gateway.providers.base import TranscriberStream, Transcript, TranscriptHint, TurnDetector, VoiceActivityDetector
from gateway.providers.ended_reasons import ended_reason
from gateway.worker.beep import BeepDetector
from gateway.worker.clock import CallClock
from gateway.worker.foreground import Foreground
from gateway.worker.overlap_ear import OverlapEar
from gateway.worker.turn_ends import TurnEnds
from gateway.worker.voice_activity import VoiceActivity

logger = structlog.get_logger(__name__)

CLOSE_SECONDS = 2.0
ONSET_LAG_MS = 400
"""A transcriber may find that a word began this long before the detector did."""
_OWN_FAILED = partial(ended_reason, "transcriber", ("custom-transcriber",))


class Hearing:
    """One call's ear. `push` audio in order; edges and transcripts come out as events, and with a `turn_detector` its
    judgements of the ends of speech.

    :param reason: endedReason of a call that the transcriber's failure ends
    """

    def __init__(
        self,
        *,
        detector: VoiceActivityDetector,
        stream: TranscriberStream,
        clock: CallClock,
        dispatch: Callable[[Event], None],
        turn_detector: TurnDetector | None = None,
        reason: Callable[[ProviderError], str] = _OWN_FAILED,
    ) -> None:
        self._activity = VoiceActivity(detector)
        self._ear = OverlapEar()
        self._stream = stream
        self._clock = clock
        self._dispatch = dispatch
        self._reason = reason
        self._turn_ends = TurnEnds(turn_detector, clock=clock, dispatch=dispatch) if turn_detector else None
        self._transcripts = aiter(stream)
        self._beeps: BeepDetector | None = None
        self._foreground: Foreground | None = None
        self._asked: Transcribe | None = None
        self._closed = False
        self._onset_ms = 0

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Consecutive 20 ms frames that start at `at_ms` of the call clock."""
        self._stream.push(pcm, at_ms)
        self._clock.heard(at_ms + samples_to_ms(len(pcm) // SAMPLE_BYTES))
        if self._turn_ends is not None:
            self._turn_ends.push(pcm, at_ms)
        edges = self._activity.push(self._ear.pass_on(pcm, at_ms), at_ms)
        self._ear.heard(edges)
        if self._foreground is not None:
            edges = self._foreground.push(pcm, at_ms, edges)
        for edge in edges:
            if isinstance(edge, SpeechStarted):
                self._onset_ms = edge.onset_ms
            self._dispatch(replace(edge, at=self._clock.now()))
            if self._turn_ends is not None:
                self._turn_ends.edge(edge)
        self._tell_of_overlap()
        for end_ms in self._beeps.push(pcm, at_ms) if self._beeps is not None else ():
            self._dispatch(BeepHeard(self._clock.now(), end_ms))

    def _tell_of_overlap(self) -> None:
        for told in self._ear.tell(self._clock.now()):
            if isinstance(told, EchoHeard):
                # what the detector took for speech was none: the caller's speech is to be an edge of its own
                self._activity.reset()
                self._ear.forget_speech()
            self._dispatch(told)

    def said(self, audio: pb.UtteranceAudio) -> None:
        """Audio of the agent went to the gateway."""
        self._ear.agent.said(audio.utterance, audio.offset, audio.pcm)

    def played(self, report: pb.PlayoutReport) -> None:
        """The gateway sent some of it to the caller."""
        self._ear.played(report)

    def screen(self, command: Screen) -> None:
        """Listen in this way from here on."""
        self._beeps = (self._beeps or BeepDetector()) if command.beeps else None
        self._foreground = (self._foreground or Foreground()) if command.foreground else None

    def turn_taken(self) -> None:
        """What is said from now on is another turn."""
        if self._turn_ends is not None:
            self._turn_ends.taken()

    def held(self, at_ms: int) -> None:
        """Nothing is heard for a while: what follows does not belong to what came before."""
        if self._activity.speaking:
            self._dispatch(SpeechEnded(self._clock.now(), at_ms))
        self._activity.reset()
        self._ear.forget_speech()

    def transcribe(self, command: Transcribe) -> None:
        """Ask for the text of a segment."""
        self._asked = command
        hint = TranscriptHint(command.expects.partition(":")[0])
        self._stream.finish(command.segment, command.start_ms, command.end_ms, hint)

    async def listen(self) -> None:
        """Turn transcripts and judgements into events until the stream is closed."""
        async with asyncio.TaskGroup() as group:
            judging = group.create_task(self._turn_ends.run(), name="turn ends") if self._turn_ends else None
            await self._read_transcripts()
            if judging is not None:
                judging.cancel()

    async def _read_transcripts(self) -> None:
        """Until the stream is closed. A failure that may pass is met by asking once more; a second one in a row, or a
        stream that ends by itself, is the end of the transcription."""
        failed = False
        while not self._closed:
            try:
                transcript = await anext(self._transcripts)
            except ProviderError as error:
                if failed or error.permanent or self._asked is None:
                    self._give_up(error)
                    return
                failed = True
                logger.warning("transcriber failed, asking again", error=str(error))
                self.transcribe(self._asked)
            except StopAsyncIteration:
                self._give_up(ProviderUnavailable("The transcriber ended its stream."))
                return
            else:
                failed = False
                self._tell(transcript)

    def _tell(self, transcript: Transcript) -> None:
        if transcript.superseded:
            return
        now = self._clock.now()
        if transcript.final and transcript.segment is not None:
            self._dispatch(Transcribed(now, transcript.segment, transcript.text, transcript.finished))
        elif transcript.segment is not None and transcript.finished is not None:
            self._dispatch(TurnEndJudged(now, transcript.end_ms, transcript.finished, transcript.segment))
        elif not transcript.final and self._of_this_speech(transcript):
            self._dispatch(PartialHeard(now, transcript.text, transcript.end_ms, transcript.stability))

    def _of_this_speech(self, partial: Transcript) -> bool:
        """A partial that begins in the speech that goes on: others are out of date, or hold words of no speech."""
        return self._activity.speaking and partial.start_ms >= self._onset_ms - ONSET_LAG_MS

    def _give_up(self, error: ProviderError) -> None:
        if not self._closed:
            self._dispatch(TranscriberFailed(self._clock.now(), self._reason(error), str(error)))

    async def close(self) -> None:
        """End the transcription, once."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._stream.close()
        except (ProviderError, TimeoutError) as error:
            logger.warning("transcriber did not close", error=str(error) or "no answer in time")
