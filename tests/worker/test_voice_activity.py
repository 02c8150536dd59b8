from __future__ import annotations

import random
from collections.abc import Sequence

from gateway.conversation.events import SpeechEnded, SpeechPaused, SpeechStarted
from gateway.conversation.speech import SpeechEdge
from gateway.media.audio import FRAME_BYTES, FRAME_MS
from gateway.worker.voice_activity import HANGOVER_FRAMES, PRE_ROLL_FRAMES, LoudnessGate, VoiceActivity
from tests.worker.fakes import rms, tone

SILENCE = bytes(FRAME_BYTES)


class LevelDetector:
    """Takes loud windows of 32 ms for speech."""

    window_ms = 32.0

    def __init__(self) -> None:
        self.fed = 0
        self._pending = b""

    def push(self, pcm: bytes) -> Sequence[float]:
        self.fed += len(pcm) // FRAME_BYTES
        self._pending += pcm
        windows = []
        while len(self._pending) >= 512:
            windows.append(1.0 if rms(self._pending[:512]) > 1000 else 0.0)
            self._pending = self._pending[512:]
        return windows


class SlowDetector(LevelDetector):
    """Needs 40 more windows, about 1.3 s, to be sure that speech is over."""

    def __init__(self) -> None:
        super().__init__()
        self._sure = 0

    def push(self, pcm: bytes) -> Sequence[float]:
        return [self._doubt(probability) for probability in super().push(pcm)]

    def _doubt(self, probability: float) -> float:
        self._sure = 40 if probability else max(0, self._sure - 1)
        return 1.0 if self._sure else 0.0


def noise(frames: int, level: int, seed: int = 1) -> bytes:
    source = random.Random(seed)
    samples = (source.randint(-level, level) for _ in range(frames * FRAME_BYTES // 2))
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)


def listen(
    pcm: bytes, *, start_ms: int = 0, detector: LevelDetector | None = None
) -> tuple[list[SpeechEdge], LevelDetector]:
    detector = detector or LevelDetector()
    activity = VoiceActivity(detector)
    edges = []
    for offset in range(0, len(pcm), FRAME_BYTES):
        at_ms = start_ms + offset // FRAME_BYTES * FRAME_MS
        edges += activity.push(pcm[offset : offset + FRAME_BYTES], at_ms)
    return edges, detector


def test_speech_is_dated_to_the_window_however_long_the_silence_before() -> None:
    for silent in (0, 7, 50, 501):
        (started, *_, ended), _ = listen(SILENCE * silent + tone(600) + SILENCE * 40, start_ms=3000)
        assert isinstance(started, SpeechStarted)
        assert isinstance(ended, SpeechEnded)
        onset = 3000 + silent * FRAME_MS
        assert abs(started.onset_ms - onset) <= 32
        assert abs(ended.end_ms - (onset + 600)) <= 32


def test_silence_costs_the_detector_nothing() -> None:
    edges, detector = listen(SILENCE * 5000)
    assert (edges, detector.fed) == ([], 0)


def test_steady_noise_is_learnt() -> None:
    detector = LevelDetector()
    activity = VoiceActivity(detector)
    for frame in range(3000):
        activity.push(noise(1, 200, seed=frame), frame * FRAME_MS)
    before = detector.fed
    for frame in range(3000, 4000):
        activity.push(noise(1, 200, seed=frame), frame * FRAME_MS)
    assert detector.fed - before < 50, "of 1000 frames"


def test_the_gate_gives_what_came_before_and_after() -> None:
    gate = LoudnessGate()
    for _ in range(30):
        assert gate.push(SILENCE) == []
    assert gate.push(tone(20)) == [SILENCE] * PRE_ROLL_FRAMES + [tone(20)]
    passed = [gate.push(SILENCE) for _ in range(HANGOVER_FRAMES + 5)]
    assert passed == [[SILENCE]] * (HANGOVER_FRAMES - 1) + [[]] * 6


def test_speech_ends_by_the_detector_alone_however_long_it_was_quiet_by_then() -> None:
    edges, detector = listen(tone(600) + SILENCE * 100, detector=SlowDetector())
    assert [type(edge) for edge in edges if not isinstance(edge, SpeechPaused)] == [SpeechStarted, SpeechEnded]
    assert detector.fed < 120, "and the gate closes then, of 130 frames"


def test_after_a_reset_running_speech_has_no_end() -> None:
    detector = LevelDetector()
    activity = VoiceActivity(detector)
    activity.push(tone(400), 0)
    assert activity.speaking
    activity.reset()
    assert activity.push(SILENCE * 30, 400) == []
