"""What the worker hears while the agent has the floor: echo, kept from the detector, and how speech sounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.conversation.events import EchoHeard, SpeechEnded, SpeechMeasured, SpeechStarted
from gateway.conversation.speech import SpeechEdge
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_BYTES, FRAME_SAMPLES, ms_to_samples
from gateway.worker.agent_audio import AgentAudio
from gateway.worker.echo import LOOK_MS, EchoEar
from gateway.worker.speech_meter import SpeechMeter

_SILENCE = bytes(FRAME_BYTES)


class OverlapEar:
    """One call. Between `pass_on` and `tell` the detector looks at the frames; its edges come by `heard`."""

    def __init__(self) -> None:
        self.agent = AgentAudio()
        self._echo = EchoEar(self.agent)
        self._meter = SpeechMeter()
        self._frames: list[bytes] = []
        self._speaking = False
        self._alone = True
        self._onset_ms = 0
        self._told_ms = 0
        self._echoing = False

    # ------------------------------------------------------------ the agent

    def played(self, report: pb.PlayoutReport) -> None:
        """The gateway tells how much of an utterance left."""
        at = ms_to_samples(report.at_ms) + FRAME_SAMPLES
        if report.state == pb.PlayoutReport.STATE_PLAYING:
            self.agent.playing(report.utterance, report.position, at)
        else:
            paused = report.state == pb.PlayoutReport.STATE_PAUSED
            self.agent.stopped(report.utterance, report.position, at, paused=paused)

    # ------------------------------------------------------------ the caller

    def pass_on(self, pcm: bytes, at_ms: int) -> bytes:
        """The caller's 20 ms frames from `at_ms` on, with silence in place of echo."""
        heard = []
        self._frames.clear()
        self._echoing = False
        for offset in range(0, len(pcm), FRAME_BYTES):
            frame = pcm[offset : offset + FRAME_BYTES]
            start = ms_to_samples(at_ms) + offset * FRAME_SAMPLES // FRAME_BYTES
            echo = self._echo.push(frame, start)
            self._echoing |= self._echo.echoing
            heard.append(_SILENCE if echo else frame)
            if not echo:
                self._frames.append(frame)
        return b"".join(heard)

    def heard(self, edges: Iterable[SpeechEdge]) -> None:
        """What the detector made of the frames that were passed on."""
        for edge in edges:
            if isinstance(edge, SpeechStarted):
                self._speaking, self._onset_ms, self._told_ms = True, edge.onset_ms, edge.onset_ms
                self._alone = not self.agent.holds_floor
                self._meter.begin()
            elif isinstance(edge, SpeechEnded):
                self._end_speech()

    def tell(self, now: int) -> Iterator[EchoHeard | SpeechMeasured]:
        """What the turn machine should know, at most every 100 ms."""
        for frame in self._frames:
            if self._speaking:
                self._meter.speaking(frame, pitch=self.agent.holds_floor)
            else:
                self._meter.silent(frame)
        self._alone &= not self.agent.holds_floor
        if self._echoing and (self._speaking or self.agent.paused) and self._echo.path is not None:
            yield EchoHeard(now, round(self._echo.path.loss_db, 1))
        elif self._speaking and self.agent.holds_floor and now >= self._told_ms + LOOK_MS and self._meter.measurable:
            self._told_ms = now
            level = self._meter.over_usual_db
            yield SpeechMeasured(
                now, self._onset_ms, round(level, 1) if level is not None else None, round(self._meter.voiced, 2)
            )

    def forget_speech(self) -> None:
        """What was speech is none: it was echo, or the line is on hold."""
        self._speaking = False

    def _end_speech(self) -> None:
        if self._speaking and self._alone:
            self._meter.learn()
        self._speaking = False
