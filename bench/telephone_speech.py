"""Speech with known words as a gateway hears it: through 8 kHz µ-law, with line noise, cut where the VAD finds it.

Sentences: Asterisk's English prompts (a human, CC-BY-SA-3.0), every n-th of those with four words or more, and five
LibriVox sentences when Debian's pocketsphinx-testdata is installed. Digits: the same human's digit recordings put
together with natural gaps, and seven synthetic speakers. Answers: "yes", "no" and the like by the synthetic speakers.
"""

from __future__ import annotations

import audioop
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gateway.media.audio import FRAME_BYTES, samples_to_ms
from gateway.providers.registry import make_detector
from tests.peers.speech import Samples, human, human_digits, join, level, read_wav, silence, synthetic, transcripts

POCKETSPHINX = Path("/usr/share/pocketsphinx/test/data/librivox")
SPEAKERS = ("slt", "rms", "awb", "en-us", "en-gb", "en-gb-scotland", "en-us+f3")
ANSWERS = ("yes", "no", "yes please", "no thank you", "that's right", "never mind", "goodbye", "hello")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MARGIN_MS = 700
_NOISE_DBFS = -62.0
_SPEECH = 0.5


@dataclass(frozen=True, slots=True)
class Case:
    """`pcm` is 8000 Hz s16le as received; the VAD found speech from `start_ms` to `end_ms` of it."""

    kind: str
    speaker: str
    words: str
    pcm: bytes
    start_ms: int
    end_ms: int


def sentences(count: int) -> Iterator[Case]:
    """About `count` prompts spread over the alphabet, then the LibriVox sentences."""
    wanted = {name: words for name, words in sorted(transcripts().items()) if _ordinary(words)}
    for name in list(wanted)[:: max(1, len(wanted) // count)][:count]:
        yield case("sentence", "allison", wanted[name], human(name))
    transcript = POCKETSPHINX / "transcription"
    for line in transcript.read_text().splitlines() if transcript.is_file() else []:
        words, name = re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip()).groups()  # type: ignore[union-attr]
        yield case("sentence", "librivox", words, level(read_wav(POCKETSPHINX / f"{name}.wav")))


def digits(per_speaker: int, *, length: int = 4, seed: int = 1) -> Iterator[Case]:
    """Random strings; the human says twice as many as each synthetic speaker."""
    dice = random.Random(seed)
    for speaker in ("allison", "allison", *SPEAKERS):
        for _ in range(per_speaker):
            said = "".join(dice.choice("0123456789") for _ in range(length))
            if speaker == "allison":
                samples = human_digits(said, pause_ms=dice.randrange(40, 220))
            else:
                separator = dice.choice([" ", ", "])
                samples = synthetic(separator.join(WORDS[int(digit)] for digit in said), speaker)
            yield case("digits", speaker, said, samples)


def answers() -> Iterator[Case]:
    """Short answers."""
    for speaker in SPEAKERS:
        for words in ANSWERS:
            yield case("answer", speaker, words, synthetic(words, speaker))


def case(kind: str, speaker: str, words: str, samples: Samples) -> Case:
    """What a gateway receives of the speech."""
    padded = join(silence(_MARGIN_MS), samples, silence(_MARGIN_MS))
    noise = np.random.default_rng(len(padded)).standard_normal(len(padded)) * 32768 * 10 ** (_NOISE_DBFS / 20)
    clean = np.clip(padded + noise, -32768, 32767).astype("<i2").tobytes()
    received = audioop.ulaw2lin(audioop.lin2ulaw(clean, 2), 2)
    start_ms, end_ms = _speech(received)
    return Case(kind, speaker, words, received, start_ms, end_ms)


def _speech(pcm: bytes) -> tuple[int, int]:
    """First and last millisecond that the VAD takes for speech."""
    detector = make_detector()
    probabilities: list[float] = []
    for at in range(0, len(pcm), FRAME_BYTES):
        probabilities += detector.push(pcm[at : at + FRAME_BYTES])
    speaking = [at for at, probability in enumerate(probabilities) if probability > _SPEECH]
    if not speaking:
        return 0, samples_to_ms(len(pcm) // 2)
    return int(speaking[0] * detector.window_ms), int((speaking[-1] + 1) * detector.window_ms)


def _ordinary(words: str) -> bool:
    return len(words.split()) >= 4 and not re.search(r"[][()<>*#]|\.\.\.", words)
