"""What the turn machine is told of the caller's sound while the agent has the floor."""

from __future__ import annotations

import numpy as np

from gateway.conversation.events import EchoHeard, SpeechEnded, SpeechMeasured, SpeechStarted
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_BYTES, FRAME_MS
from gateway.worker.overlap_ear import OverlapEar
from tests.worker.murmur import murmur

AGENT = murmur(2000, seed=1).astype("<i2")
CALLER = murmur(2000, seed=2, pitch=170.0).astype("<i2")
PLAYING, PAUSED = pb.PlayoutReport.STATE_PLAYING, pb.PlayoutReport.STATE_PAUSED
SILENCE = bytes(FRAME_BYTES)

Told = list[EchoHeard | SpeechMeasured]


def hear(ear: OverlapEar, pcm: bytes, start_ms: int, *, speech: bool = False) -> Told:
    """Frames one by one; the detector hears speech from the first on, or none."""
    told: Told = []
    for at in range(0, len(pcm), FRAME_BYTES):
        now = start_ms + at // FRAME_BYTES * FRAME_MS
        ear.pass_on(pcm[at : at + FRAME_BYTES], now)
        ear.heard([SpeechStarted(now, now)] if speech and not at else [])
        told += ear.tell(now + FRAME_MS)
    return told


def agent_speaks(ear: OverlapEar, at_ms: int) -> None:
    ear.agent.said(1, 0, AGENT.tobytes())
    ear.played(pb.PlayoutReport(at_ms=at_ms, utterance=1, position=160, state=PLAYING))


def test_speech_over_the_agent_is_measured_against_the_callers_own_turn() -> None:
    ear = OverlapEar()
    hear(ear, SILENCE * 10, 0)
    assert hear(ear, CALLER.tobytes(), 200, speech=True) == []
    ear.heard([SpeechEnded(2300, 2200)])
    agent_speaks(ear, 3000)
    told = hear(ear, (CALLER // 8).tobytes()[: 40 * FRAME_BYTES], 4000, speech=True)
    assert [event.at for event in told] == list(range(4280, 4801, 100))
    assert all(isinstance(event, SpeechMeasured) and event.onset_ms == 4000 for event in told)
    last = told[-1]
    assert isinstance(last, SpeechMeasured)
    assert last.over_usual_db is not None
    assert -20 < last.over_usual_db < -15
    assert last.voiced > 0.5


def test_speech_over_the_agent_teaches_nothing() -> None:
    ear = OverlapEar()
    agent_speaks(ear, 0)
    hear(ear, CALLER.tobytes(), 500, speech=True)
    ear.heard([SpeechEnded(2600, 2500)])
    told = hear(ear, CALLER.tobytes(), 3000, speech=True)
    assert told
    assert all(isinstance(event, SpeechMeasured) and event.over_usual_db is None for event in told)


def test_the_agents_voice_is_told_as_echo_when_it_was_taken_for_speech() -> None:
    ear = OverlapEar()
    agent_speaks(ear, 0)
    echo = np.concatenate([np.zeros(800), AGENT // 5])[:8000].astype("<i2").tobytes()
    told = hear(ear, echo, 0, speech=True)
    echoes = [event for event in told if isinstance(event, EchoHeard)]
    assert echoes
    assert echoes[0].at <= 500
    assert 11 < echoes[0].loss_db < 17


def test_echo_is_passed_on_as_silence_once_it_is_known() -> None:
    ear = OverlapEar()
    agent_speaks(ear, 0)
    echo = np.concatenate([np.zeros(800), AGENT // 5])[: 160 * 80].astype("<i2").tobytes()
    passed = [
        ear.pass_on(echo[at : at + FRAME_BYTES], at // FRAME_BYTES * FRAME_MS)
        for at in range(0, len(echo), FRAME_BYTES)
    ]
    levels = [np.abs(np.frombuffer(frame, dtype="<i2")).max() for frame in passed]
    assert max(levels[:20]) > 500
    assert max(levels[30:]) < 60
