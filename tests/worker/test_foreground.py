"""Who holds the telephone, and who talks behind him."""

from __future__ import annotations

import numpy as np

from gateway.conversation.events import SpeechEnded, SpeechStarted
from gateway.conversation.speech import SpeechEdge
from gateway.worker.foreground import Foreground

NEAR, FAR, SILENCE = 4000.0, 400.0, 5.0


def frames(amplitude: float, count: int) -> list[bytes]:
    noise = np.random.default_rng(1).standard_normal((count, 160)) * amplitude
    return [frame.astype(np.int16).tobytes() for frame in noise]


class Ear:
    """A line whose detector takes everything above silence for speech."""

    def __init__(self) -> None:
        self.foreground = Foreground()
        self.at = 0
        self.speech = False
        self.told: list[SpeechEdge] = []

    def hears(self, amplitude: float, ms: int) -> None:
        for number, frame in enumerate(frames(amplitude, ms // 20)):
            edges: list[SpeechEdge] = []
            loud = amplitude > SILENCE
            if loud is not self.speech and number == 2:
                self.speech = loud
                edges = [SpeechStarted(self.at, self.at - 40) if loud else SpeechEnded(self.at, self.at - 40)]
            self.told += self.foreground.push(frame, self.at, edges)
            self.at += 20

    @property
    def kinds(self) -> list[str]:
        return [type(edge).__name__ for edge in self.told]


def test_without_a_background_the_edges_are_the_detectors() -> None:
    ear = Ear()
    for amplitude in (SILENCE, NEAR, SILENCE, NEAR, SILENCE):
        ear.hears(amplitude, 600)
    dates = [edge.onset_ms if isinstance(edge, SpeechStarted) else edge.end_ms for edge in ear.told]
    assert dates == [600, 1200, 1800, 2400]


def test_a_hello_ends_although_somebody_talks_on_behind_it() -> None:
    ear = Ear()
    ear.hears(SILENCE, 400)
    ear.hears(NEAR, 600)
    ear.hears(FAR, 3000)
    assert ear.kinds == ["SpeechStarted", "SpeechEnded"]
    ended = ear.told[-1]
    assert isinstance(ended, SpeechEnded)
    assert 1000 <= ended.end_ms <= 1100
    assert 450 <= ended.at - ended.end_ms <= 480


def test_he_is_heard_again_when_he_speaks_again() -> None:
    ear = Ear()
    ear.hears(NEAR, 600)
    ear.hears(FAR, 1000)
    ear.hears(NEAR, 600)
    ear.hears(SILENCE, 400)
    assert ear.kinds == ["SpeechStarted", "SpeechEnded"] * 2
    again = ear.told[2]
    assert isinstance(again, SpeechStarted)
    assert 1600 <= again.onset_ms <= again.at <= 1700


def test_voices_before_the_hello_do_not_hide_it() -> None:
    ear = Ear()
    ear.hears(FAR, 1000)
    ear.hears(NEAR, 600)
    ear.hears(FAR, 1000)
    assert ear.kinds == ["SpeechStarted", "SpeechEnded"]
    ended = ear.told[-1]
    assert isinstance(ended, SpeechEnded)
    assert 1600 <= ended.end_ms <= 1700


def test_a_soft_word_of_the_same_speaker_is_his() -> None:
    ear = Ear()
    ear.hears(NEAR, 600)
    ear.hears(NEAR / 3, 600)
    ear.hears(NEAR, 600)
    assert ear.kinds == ["SpeechStarted"]
