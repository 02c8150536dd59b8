"""Calls of the set: some turns of one caller, with pauses of that caller's length, in one kind of noise.

Pauses inside a turn are log-normal in two steps: each caller has a median of his own around 550 ms (sigma 0.2), and
around it lie his pauses (sigma 0.35); none is below 250 ms or above 1500 ms. Half of the calls are clean (a line's
white noise at -62 dBFS), half have babble, pink or street noise 10 dB below the speech. Everything goes through µ-law.
"""

from __future__ import annotations

import audioop
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.turn_ends.noise import LINE_DBFS, noise
from bench.turn_ends.utterances import Utterance, utterances
from gateway.media.audio import FRAME_BYTES, FRAME_MS
from tests.peers.speech import RATE, Samples

TURNS = 8
"""In a call."""
LEAD_MS, ANSWER_MS = 2500, 4000
"""Before the first turn; after each, for the answer."""
SNR_DB = 10.0
_SPEECH_DBFS = -22.0
_MEDIAN_MS, _BETWEEN, _WITHIN = 550.0, 0.2, 0.35
_SHORTEST_MS, _LONGEST_MS = 250, 1500
_NOISES = ("babble", "pink", "street")


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence inside a turn: from the last sample of speech to the next, ms of the call clock."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """When a turn is said. `end_ms` is the true end: the last speech sample."""

    utterance: Utterance
    start_ms: int
    end_ms: int
    pauses: tuple[Pause, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`pcm` is what a gateway receives, 8000 Hz s16le in whole frames, from 0 ms on."""

    half: str
    speaker: str
    noise: str
    turns: tuple[SpokenTurn, ...]
    pcm: bytes


def calls(seed: int = 1) -> Iterator[Call]:
    """The whole set, call by call."""
    dice = random.Random(seed)
    by_speaker: dict[tuple[str, str], list[Utterance]] = {}
    for one in utterances():
        by_speaker.setdefault((one.half, one.speaker), []).append(one)
    number = itertools.count()
    for said in by_speaker.values():
        dice.shuffle(said)
        for first in range(0, len(said), TURNS):
            count = next(number)
            kind = "line" if count % 2 == 0 else _NOISES[count // 2 % len(_NOISES)]
            yield _call(said[first : first + TURNS], kind, dice)


def _call(said: Sequence[Utterance], kind: str, dice: random.Random) -> Call:
    median = _MEDIAN_MS * dice.lognormvariate(0, _BETWEEN)
    pieces: list[Samples] = [_silence(LEAD_MS)]
    turns = []
    for utterance in said:
        start_ms, pauses = _length_ms(pieces), []
        for number, part in enumerate(utterance.parts):
            if number:
                pause_ms = round(min(max(median * dice.lognormvariate(0, _WITHIN), _SHORTEST_MS), _LONGEST_MS))
                at_ms = _length_ms(pieces)
                pieces.append(_silence(pause_ms))
                pauses.append(Pause(at_ms, at_ms + pause_ms))
            pieces.append(part)
        turns.append(SpokenTurn(utterance, start_ms, _length_ms(pieces), tuple(pauses)))
        pieces.append(_silence(ANSWER_MS))
    speech = np.concatenate(pieces).astype(np.float64)
    return Call(said[0].half, said[0].speaker, kind, tuple(turns), _received(speech, kind))


def _received(speech: np.ndarray[tuple[int], np.dtype[np.float64]], kind: str) -> bytes:
    frames = -(-len(speech) * 1000 // RATE // FRAME_MS)
    dbfs = LINE_DBFS if kind == "line" else _SPEECH_DBFS - SNR_DB
    around = np.resize(noise(kind), frames * FRAME_BYTES // 2) * 32768 * 10 ** (dbfs / 20)
    around[: len(speech)] += speech
    clipped = np.clip(around, -32768, 32767).astype("<i2").tobytes()
    return audioop.ulaw2lin(audioop.lin2ulaw(clipped, 2), 2)


def _silence(ms: int) -> Samples:
    return np.zeros(ms * RATE // 1000, dtype=np.int16)


def _length_ms(pieces: Sequence[Samples]) -> int:
    return round(sum(len(piece) for piece in pieces) * 1000 / RATE)
