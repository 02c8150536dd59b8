"""The labelled set: what a caller's line brings while the agent speaks. Made anew from its seed, never stored.

Interruptions and acknowledgements are spoken by humans (Asterisk's prompts; LibriVox sentences where Debian's
pocketsphinx-testdata is installed) and by synthetic voices; noise is generated; side talk is another voice in the room,
12 to 20 dB below the caller's usual level, reverberant; echo is the agent's own audio, as the line sends it back. Each
case exists on a clean line and at 10 dB of noise.

The tuning half and the held-out half share no speaker; noise, echo and side talk alternate.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bench.overlaps.line import Echo
from bench.overlaps.sounds import NOISES, in_the_room
from bench.telephone_speech import POCKETSPHINX
from tests.peers.speech import FLITE_VOICES, Samples, human, level, read_wav, synthetic, transcripts, trimmed

SEED = 20
TUNING = ("slt", "rms", "en-us", "en-us+f3", "en-us+m3", "librivox")
HELD_OUT = ("allison", "awb", "en-gb", "en-gb-scotland", "en-gb+f2", "en-us+m7")
USUAL_DBFS = -22.0
"""Every caller's level when they have the floor."""


class Kind(StrEnum):
    """What a sound is. Interruptions cut the agent, nothing else may."""

    INTERRUPTION = "interruption"
    OVER_ECHO = "interruption over echo"
    BACKCHANNEL = "backchannel"
    NOISE = "noise"
    ECHO = "echo"
    SIDE_TALK = "side talk"

    @property
    def cuts(self) -> bool:
        """The agent must yield the floor to it."""
        return self in (Kind.INTERRUPTION, Kind.OVER_ECHO)


@dataclass(frozen=True, slots=True)
class Case:
    """One overlap. `sound` (8000 Hz) begins `after_ms` after the agent did; `words` are those spoken in it. `usual` is
    the caller's sentence before the agent's answer, None when the agent speaks first."""

    name: str
    kind: Kind
    half: str
    words: str
    sound: Samples
    after_ms: int
    agent: int
    usual: Samples | None
    snr_db: float | None
    echo: Echo | None = None


_SENTENCES = (
    "actually I need to change that",
    "what about tomorrow morning",
    "can I speak to somebody else",
    "my name is Peter and I called yesterday",
    "that is not what I asked for",
    "how much does it cost",
    "I would like to book a table",
    "please give me the other number",
)
_SHORT = (
    "stop",
    "no wait",
    "hold on",
    "excuse me",
    "no that's wrong",
    "hang on",
    "wait a minute",
    "but I already paid",
    "no thanks",
    "help me please",
)
_ACKNOWLEDGEMENTS = ("yeah", "okay", "right", "I see", "uh-huh", "mhm", "sure", "got it")
_PHONEMES = {"mhm": "[[m'h@m]]", "uh-huh": "[[Vh'V]]"}
"""Sounds that a speech program would spell; espeak-ng reads them in brackets."""
_USUAL = "I have a question about the order that I made last week"
_MODIFIED_VOICES = [voice for voice in (*TUNING, *HELD_OUT) if voice not in ("librivox", "allison")]
_HUMAN_SENTENCES = 24
_NOISES_OF_A_KIND = 7
_ECHO_LOSSES_DB = (12, 14, 16, 18, 20, 24)


def cases() -> list[Case]:
    """The whole set, in the same order each time."""
    dice = random.Random(SEED)
    plain = [*_interruptions(dice), *_acknowledgements(dice), *_noises(dice), *_echoes(dice), *_side_talk(dice)]
    return [_on_line(case, snr_db) for case in plain for snr_db in (None, 10.0)]


def _on_line(case: Case, snr_db: float | None) -> Case:
    name = f"{case.name} {'clean' if snr_db is None else f'{snr_db:.0f} dB'}"
    return Case(
        name, case.kind, case.half, case.words, case.sound, case.after_ms, case.agent, case.usual, snr_db, case.echo
    )


def _half(speaker: str) -> str:
    return "tuning" if speaker in TUNING else "held-out"


def _spoken(kind: Kind, speaker: str, words: str, sound: Samples, dice: random.Random) -> Case:
    usual = human("please-try-again") if speaker in ("allison", "librivox") else synthetic(_USUAL, speaker)
    after_ms, agent = dice.randrange(900, 3600), dice.randrange(100)
    return Case(f"{kind} {speaker}: {words}", kind, _half(speaker), words, sound, after_ms, agent, usual, None)


def _interruptions(dice: random.Random) -> Iterator[Case]:
    for speaker, words, sound in _human_sentences():
        yield _spoken(Kind.INTERRUPTION, speaker, words, sound, dice)
    for number, speaker in enumerate(_MODIFIED_VOICES):
        for words in (*_SHORT, *dice.sample(_SENTENCES, 3)):
            yield _spoken(Kind.INTERRUPTION, speaker, words, synthetic(words, speaker), dice)
        words = _SENTENCES[number % len(_SENTENCES)]
        for loss_db in (14, 20):
            case = _spoken(Kind.OVER_ECHO, speaker, words, synthetic(words, speaker), dice)
            yield _with_echo(case, loss_db, dice)


def _human_sentences() -> Iterator[tuple[str, str, Samples]]:
    wanted = [(name, words) for name, words in sorted(transcripts().items()) if _ordinary(words)]
    for name, words in wanted[:: len(wanted) // _HUMAN_SENTENCES][:_HUMAN_SENTENCES]:
        yield "allison", words, human(name)
    for name, words in (("vm-no", "no"), ("hello", "Hello."), ("one-moment-please", "One moment, please.")):
        yield "allison", words, human(name)
    transcript = POCKETSPHINX / "transcription"
    for line in transcript.read_text().splitlines() if transcript.is_file() else []:
        words, name = re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip()).groups()  # type: ignore[union-attr]
        yield "librivox", words, level(trimmed(read_wav(POCKETSPHINX / f"{name}.wav"), threshold=600))


def _ordinary(words: str) -> bool:
    return 4 <= len(words.split()) <= 14 and not re.search(r"[][()<>*#]|\.\.\.", words)


def _acknowledgements(dice: random.Random) -> Iterator[Case]:
    for speaker in _MODIFIED_VOICES:
        for words in _ACKNOWLEDGEMENTS:
            spelled = _PHONEMES.get(words, words)
            if speaker in FLITE_VOICES and words == "mhm":
                continue
            sound = synthetic(words if speaker in FLITE_VOICES else spelled, speaker)
            quieter = level(sound, USUAL_DBFS - dice.uniform(0, 6))
            yield _spoken(Kind.BACKCHANNEL, speaker, words, quieter, dice)


def _noises(dice: random.Random) -> Iterator[Case]:
    generator = np.random.default_rng(SEED)
    for name, make in NOISES.items():
        for number in range(_NOISES_OF_A_KIND):
            speaker = _MODIFIED_VOICES[number]
            case = _spoken(Kind.NOISE, speaker, "", make(generator, dice.uniform(-30, -14)), dice)
            yield _named(case, f"noise {name} {number}", number)


def _named(case: Case, name: str, number: int) -> Case:
    half = "held-out" if number % 2 else "tuning"
    return Case(name, case.kind, half, case.words, case.sound, case.after_ms, case.agent, case.usual, None, case.echo)


def _with_echo(case: Case, loss_db: float, dice: random.Random) -> Case:
    echo = Echo(delay_ms=dice.randrange(40, 250), loss_db=loss_db, seed=dice.randrange(1000))
    name = f"{case.name} (echo -{loss_db} dB, {echo.delay_ms} ms)"
    return Case(name, case.kind, case.half, case.words, case.sound, case.after_ms, case.agent, case.usual, None, echo)


def _echoes(dice: random.Random) -> Iterator[Case]:
    nothing = np.zeros(0, dtype=np.int16)
    for number in range(24):
        case = Case("echo", Kind.ECHO, "", "", nothing, 900, number, None, None)
        yield _named(
            echoing := _with_echo(case, _ECHO_LOSSES_DB[number % len(_ECHO_LOSSES_DB)], dice),
            f"{echoing.name} {number}",
            number // len(_ECHO_LOSSES_DB),
        )


def _side_talk(dice: random.Random) -> Iterator[Case]:
    generator = np.random.default_rng(SEED + 1)
    for number in range(24):
        voice, speaker = (_MODIFIED_VOICES[(number + shift) % len(_MODIFIED_VOICES)] for shift in (3, 0))
        words, below_db = dice.choice(_SENTENCES), dice.uniform(12, 20)
        sound = level(in_the_room(synthetic(words, voice), generator), USUAL_DBFS - below_db)
        case = _spoken(Kind.SIDE_TALK, speaker, words, sound, dice)
        yield _named(case, f"side talk {voice}, {below_db:.0f} dB below {speaker}: {words}", number)
