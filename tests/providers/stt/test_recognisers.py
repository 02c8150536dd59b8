"""The embedded models on synthetic speech, and the choice between them by fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import TranscriptHint
from gateway.providers.llm.dialogue.spoken_digits import digits_in
from gateway.providers.stt.embedded import EmbeddedRecogniser, embedded_recognisers
from gateway.providers.stt.log_mel import log_mel
from gateway.providers.stt.recogniser import MODEL_RATE, Hypothesis, Samples
from gateway.providers.stt.segment import to_model_rate
from gateway.providers.stt.whisper import Whisper, _Decoded
from gateway.providers.tts.hibari import HibariSynthesiser
from tests.providers.speech import silence

ANYTHING = TranscriptHint()


def spoken(text: str) -> Samples:
    return to_model_rate(silence(300) + HibariSynthesiser().synthesise(text).pcm + silence(200))


@pytest.mark.models
@pytest.mark.parametrize("name", ["embedded", "moonshine", "whisper"])
def test_a_sentence_is_recognised(name: str) -> None:
    heard = embedded_recognisers()[name].recognise(spoken("What are your opening hours on Monday?"), ANYTHING)
    assert heard.text.casefold().rstrip("?.") == "what are your opening hours on monday"
    assert heard.complete
    assert heard.confidence > 0.5


@pytest.mark.models
@pytest.mark.parametrize("expects", ["digits", "anything"])
def test_a_digit_string_is_recognised_with_and_without_hint(expects: str) -> None:
    heard = embedded_recognisers()["embedded"].recognise(spoken("four, eight, two, one"), TranscriptHint(expects))
    assert digits_in(heard.text, 4) == "4821"


@pytest.mark.models
def test_other_speech_is_understood_where_digits_are_expected() -> None:
    heard = embedded_recognisers()["embedded"].recognise(spoken("I do not have it here."), TranscriptHint("digits"))
    assert "have it" in heard.text


@pytest.mark.models
@pytest.mark.parametrize("name", ["embedded", "moonshine", "whisper"])
def test_next_to_nothing_is_no_text(name: str) -> None:
    assert embedded_recognisers()[name].recognise(np.zeros(800, dtype=np.float32), ANYTHING).text == ""


@pytest.mark.models
def test_speech_beyond_the_window_of_whisper_is_heard_to_its_end() -> None:
    parts = [spoken("The number of the house is seven.") for _ in range(13)] + [
        spoken("This is the very last sentence.")
    ]
    samples = np.concatenate(parts)
    assert len(samples) > 28 * MODEL_RATE
    heard = embedded_recognisers()["embedded"].recognise(samples, ANYTHING)
    assert "last sentence" in heard.text


def noise(kind: str) -> bytes:
    dice, at = np.random.default_rng(3), np.arange(SAMPLE_RATE)
    sounds = {
        "hiss": dice.standard_normal(SAMPLE_RATE) / 20,
        "cough": dice.standard_normal(SAMPLE_RATE) * np.exp(-at / 800) / 4,
        "tone": np.sin(2 * np.pi * 440 * at / SAMPLE_RATE) / 10,
        "click": np.where((at > 4000) & (at < 4020), 0.5, 0.0),
    }
    return bytes((np.clip(sounds[kind], -1, 1) * 32767).astype("<i2").tobytes())


@pytest.mark.models
@pytest.mark.parametrize("kind", ["hiss", "cough", "tone", "click"])
@pytest.mark.parametrize("expects", ["anything", "digits", "yes-no"])
def test_noise_is_not_taken_for_words(kind: str, expects: str) -> None:
    heard = embedded_recognisers()["embedded"].recognise(to_model_rate(noise(kind)), TranscriptHint(expects))
    assert heard.text == ""


@dataclass
class Fake:
    hypothesis: Hypothesis
    asked: list[float] = field(default_factory=list)

    def recognise(self, samples: Samples, hint: TranscriptHint) -> Hypothesis:
        self.asked.append(len(samples) / MODEL_RATE)
        return self.hypothesis


class ScriptedWhisper(Whisper):
    """Whisper but for its model: what the decoder says with and without a prompt is given."""

    def __init__(self, *, prompted: str, plain: str) -> None:
        self._model = SimpleNamespace(encode=lambda _: None)
        self._texts = {True: prompted, False: plain}

    def _decode(self, encoded: object, limit: int, prompt: str = "") -> _Decoded:
        return _Decoded(self._texts[bool(prompt)], 0.9)

    def _plainly(self, encoded: object, limit: int) -> _Decoded:
        return self._decode(encoded, limit)


@pytest.mark.parametrize(
    ("prompted", "plain", "text"),
    [
        ("nine four eight two nine four eight two", "9 4 8 2", "9 4 8 2"),
        ("three four three four.", "three four.", "three four."),
        ("six nine six nine.", "6 9 6 9", "six nine six nine."),
        ("six nine six nine.", "good night", "six nine six nine."),
        ("five five", "5 5 0 2", "five five"),
        ("four eight two one", "4 8 2", "four eight two one"),
        ("thank you", "I have none.", "I have none."),
    ],
)
def test_a_number_that_only_the_prompt_said_twice_is_taken_once(prompted: str, plain: str, text: str) -> None:
    second = np.zeros(MODEL_RATE, dtype=np.float32)
    assert ScriptedWhisper(prompted=prompted, plain=plain).recognise(second, TranscriptHint("digits")).text == text


def test_without_a_hint_a_number_is_not_doubled_either() -> None:
    whisper = ScriptedWhisper(prompted="nine four eight two nine four eight two", plain="9, 4, 8, 2.")
    assert whisper.recognise(np.zeros(MODEL_RATE, dtype=np.float32), ANYTHING).text == "9, 4, 8, 2."


GOOD, SURER = Hypothesis("good", 0.5), Hypothesis("surer", 0.9)
EMPTY, ENDLESS = Hypothesis("", 0.0), Hypothesis("no no no no no", 0.95, complete=False)


@pytest.mark.parametrize(
    ("seconds", "first", "second", "text", "asked"),
    [
        (2, GOOD, SURER, "good", (1, 0)),
        (2, EMPTY, SURER, "surer", (1, 1)),
        (2, EMPTY, GOOD, "", (1, 1)),
        (2, ENDLESS, GOOD, "good", (1, 1)),
        (2, ENDLESS, EMPTY, ENDLESS.text, (1, 1)),
        (2, EMPTY, EMPTY, "", (1, 1)),
        (11, GOOD, SURER, "surer", (0, 1)),
    ],
)
def test_the_second_recogniser_helps_where_the_first_cannot(
    seconds: int, first: Hypothesis, second: Hypothesis, text: str, asked: tuple[int, int]
) -> None:
    one, other = Fake(first), Fake(second)
    both = EmbeddedRecogniser(one, other, longest_seconds=10)
    assert both.recognise(np.zeros(seconds * MODEL_RATE, dtype=np.float32), ANYTHING).text == text
    assert (len(one.asked), len(other.asked)) == asked


def test_a_tone_lies_in_its_mel_band() -> None:
    at = np.arange(MODEL_RATE, dtype=np.float32) / MODEL_RATE
    low, high = (log_mel(np.sin(2 * np.pi * hz * at), 100) for hz in (300, 3000))
    assert low.shape == (80, 100)
    assert low.dtype == np.float32
    assert low.mean(axis=1).argmax() < 12
    assert 40 < high.mean(axis=1).argmax() < 60


def test_a_spectrogram_is_padded_and_cut_to_its_frames() -> None:
    noise = np.random.default_rng(1).standard_normal(MODEL_RATE).astype(np.float32)
    assert log_mel(noise, 300).shape == (80, 300)
    assert log_mel(noise, 50).shape == (80, 50)
    assert np.allclose(log_mel(noise, 90)[:, :80], log_mel(noise[: 90 * 160], 90)[:, :80])
