"""The recordings of the set: what a caller says in one turn, in parts with a pause between them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.telephone_speech import POCKETSPHINX
from bench.turn_ends.borders import levels, word_borders
from bench.turn_ends.script import (
    EXPECTS,
    HELD_OUT,
    HUMAN_CONTINUED,
    HUMAN_CUTS,
    HUMAN_DIGITS,
    HUMAN_ENDS,
    HUMAN_LISTS,
    HUMAN_SPELLED,
    HUMAN_WHOLE_DIGITS,
    TUNING,
    Half,
)
from tests.peers.asterisk import SOUNDS, asterisk_root
from tests.peers.speech import RATE, Samples, human, join, level, read_wav, synthetic, transcripts

SILENT_DB = 30
"""A 10 ms frame this far below the speech's loud parts is none of it."""
_FADE = RATE // 200


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn. `parts` are levelled and begin and end with speech; the caller pauses between them."""

    half: str
    speaker: str
    kind: str
    words: str
    parts: tuple[Samples, ...]

    @property
    def expects(self) -> tuple[str, str]:
        """What the agent waits for, and how it asks."""
        return EXPECTS.get(self.kind, ("anything", "Go on."))


def utterances(seed: int = 1) -> list[Utterance]:
    """The whole set; the same for the same seed and packages."""
    return [*_synthetic("tuning", TUNING), *_read(), *_synthetic("held out", HELD_OUT), *_human(random.Random(seed))]


def _synthetic(half: str, what: Half) -> Iterator[Utterance]:
    """Each text by two of the voices, in turn."""
    turn = 0
    for kind, texts in what.spoken.items():
        for text in texts:
            for _ in range(2):
                voice = what.voices[turn % len(what.voices)]
                turn += 1
                whole = synthetic(text.replace(" |", ""), voice)
                yield Utterance(half, voice, kind, text, _cut(whole, text))


def _cut(whole: Samples, text: str) -> tuple[Samples, ...]:
    """The parts of a recording of `text`, whose cuts `|` marks."""
    words = text.replace(" |", "").split()
    lengths = [len(part.split()) for part in text.split("|")]
    if len(lengths) == 1:
        return (whole,)
    borders = word_borders(whole, words)
    cuts = [borders[int(count) - 1] for count in np.cumsum(lengths)[:-1]]
    return tuple(spoken(part) for part in np.split(whole, cuts))


def _read() -> Iterator[Utterance]:
    """The LibriVox sentences, whole and cut after a third and two thirds; the cards, whole."""
    for name, words in _pocketsphinx("librivox"):
        whole = level(read_wav(POCKETSPHINX / f"{name}.wav"))
        count = len(words.split())
        yield Utterance("tuning", "librivox", "statement", words, (spoken(whole),))
        for at in (count // 3, 2 * count // 3):
            text = " ".join([*words.split()[:at], "|", *words.split()[at:]])
            yield Utterance("tuning", "librivox", "mid-sentence", text, _cut(whole, text))
    for name, words in _pocketsphinx("cards"):
        whole = level(read_wav(POCKETSPHINX.parent / "cards" / f"{name}.wav"))
        yield Utterance("tuning", "cards", "short", words, (spoken(whole),))


def _pocketsphinx(folder: str) -> Iterator[tuple[str, str]]:
    for name in ("transcription", "cards.transcription"):
        file = POCKETSPHINX.parent / folder / name
        for line in file.read_text().splitlines() if file.is_file() else []:
            found = re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip())
            assert found is not None, line
            yield found[2], " ".join(found[1].split())


def _human(dice: random.Random) -> Iterator[Utterance]:
    """Everything that Asterisk's speaker says."""
    folder = asterisk_root() / SOUNDS
    known = [(name, words) for name, words in sorted(transcripts().items()) if (folder / f"{name}.wav").is_file()]
    names = [name for name, words in known if _sentence(words)]
    dice.shuffle(names)
    for name in names[:HUMAN_ENDS]:
        yield _of("statement", transcripts()[name], [human(name)])
    for name in names[HUMAN_ENDS : HUMAN_ENDS + HUMAN_CUTS]:
        words = re.sub(r"[^\w' ]", " ", transcripts()[name]).split()
        at = dice.randrange(2, len(words) - 1)
        text = " ".join([*words[:at], "|", *words[at:]])
        yield _of("mid-sentence", text, _cut(human(name), text))
    for prompts in HUMAN_CONTINUED:
        yield _of("open word", " | ".join(prompts), [_joined(part.split("+")) for part in prompts])
    for prompts in HUMAN_LISTS:
        yield _of("list", " | ".join(prompts), [_joined(part.split("+")) for part in prompts])
    for groups in (*HUMAN_DIGITS, *HUMAN_WHOLE_DIGITS):
        kind = "digits" if "|" in groups else "whole digits"
        yield _of(kind, groups, [_joined([f"digits/{digit}" for digit in group]) for group in groups.split("|")])
    for groups in HUMAN_SPELLED:
        letters = [[f"letters/{letter}" for letter in group] for group in groups.split("|")]
        yield _of("spelled", groups, [_joined(group) for group in letters])


def _of(kind: str, words: str, parts: Sequence[Samples]) -> Utterance:
    return Utterance("held out", "allison", kind, words, tuple(spoken(part) for part in parts))


def _joined(names: Sequence[str]) -> Samples:
    return join(*(human(name) for name in names), pause_ms=80)


def _sentence(words: str) -> bool:
    """One sentence, wholly spoken, with something to cut."""
    plain = words.strip().rstrip(".!?")
    return 5 <= len(words.split()) <= 18 and not re.search(r"[][()<>*#.!?\d]", plain)


def spoken(samples: Samples) -> Samples:
    """Without what is not speech at both ends, by level, and with soft edges of 5 ms."""
    loud = levels(samples)
    active = np.sqrt(np.mean(loud[loud > loud.max() / 10] ** 2))
    frames = np.flatnonzero(loud > active * 10 ** (-SILENT_DB / 20))
    kept = samples[frames[0] * RATE // 100 : (frames[-1] + 1) * RATE // 100].astype(np.float64)
    kept[:_FADE] *= np.linspace(0, 1, _FADE)
    kept[-_FADE:] *= np.linspace(1, 0, _FADE)
    faded: Samples = kept.astype(np.int16)
    return faded
