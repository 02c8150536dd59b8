"""Fits the evidence for the end of a turn on the tuning half of the set, and shows what it is worth on the other.

    python -m bench.turn_ends.fit

Prints the coefficients of `gateway.providers.stt.sentence_ending`, `gateway.providers.turn.prosody` and
`gateway.conversation.endpointing`, and the area under the ROC curve between true ends and pauses for both halves. Turns
for which the agent waits for digits or a spelled name have rules of their own and are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.turn_ends.calls import Call, calls
from gateway.conversation.endpointing import log_odds
from gateway.media.audio import SAMPLE_BYTES, ms_to_samples
from gateway.providers.base import TranscriptHint
from gateway.providers.stt.segment import to_model_rate
from gateway.providers.stt.sentence_ending import SentenceEnding
from gateway.providers.stt.whisper import Whisper
from gateway.providers.turn import prosody

Table = npt.NDArray[np.float64]
BEFORE_MS, AFTER_WORDS_MS, AFTER_SOUND_MS = 300, 200, 100
"""Audio around the turn so far, as the product's transcriber and judge get it."""
_STEPS, _RIDGE = 100, 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """An end of speech with its evidence: by words and by sound. `ended` tells whether the turn was over."""

    half: str
    human: bool
    ended: bool
    words: tuple[float, ...]
    sound: tuple[float, ...]


class _NotingEnding(SentenceEnding):
    """Keeps the features that it was asked about last."""

    noted: tuple[float, float, float] | None = None

    def features(self, logits: npt.NDArray[np.float32]) -> tuple[float, float, float]:
        self.noted = super().features(logits)
        return self.noted


def moments() -> list[Moment]:
    """Every end of speech of the set that has both kinds of evidence."""
    whisper = Whisper()
    ending = whisper.ending = _NotingEnding(whisper.tokenizer)
    found: list[Moment] = []
    for call in calls():
        for at_ms, start_ms, ended in _ends(call):
            ending.noted = None
            whisper.recognise(to_model_rate(_cut(call, start_ms - BEFORE_MS, at_ms + AFTER_WORDS_MS)), TranscriptHint())
            heard = np.frombuffer(_cut(call, start_ms, at_ms + AFTER_SOUND_MS), "<i2").astype(np.float32)
            sound = prosody.features(heard)
            if ending.noted is not None and sound is not None:
                found.append(Moment(call.half, call.speaker in ("allison", "librivox"), ended, ending.noted, sound))
    return found


def _ends(call: Call) -> list[tuple[int, int, bool]]:
    """(end of speech, start of the turn, whether the turn is over), all ms."""
    ends = []
    for turn in call.turns:
        if turn.utterance.expects[0] == "anything":
            ends += [(pause.start_ms, turn.start_ms, False) for pause in turn.pauses]
            ends.append((turn.end_ms, turn.start_ms, True))
    return ends


def _cut(call: Call, start_ms: int, end_ms: int) -> bytes:
    return call.pcm[ms_to_samples(max(0, start_ms)) * SAMPLE_BYTES : ms_to_samples(end_ms) * SAMPLE_BYTES]


def regression(table: Table, wanted: npt.NDArray[np.bool_]) -> Table:
    """Coefficients of the logistic regression, the constant last; small ones are preferred (a ridge)."""
    middle, spread = table.mean(axis=0), table.std(axis=0)
    scaled = np.column_stack([(table - middle) / spread, np.ones(len(table))])
    ridge = np.diag([_RIDGE] * table.shape[1] + [0.0])
    weights = np.zeros(scaled.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (chance - wanted) + ridge @ weights
        curve = (scaled * (chance * (1 - chance))[:, np.newaxis]).T @ scaled + ridge
        weights -= np.linalg.solve(curve, slope)
    return np.append(weights[:-1] / spread, weights[-1] - (weights[:-1] * middle / spread).sum())


def area(scores: Table, wanted: npt.NDArray[np.bool_]) -> float:
    """Under the ROC curve: how often an end scores higher than a pause."""
    ends, pauses = scores[wanted][:, np.newaxis], scores[~wanted]
    return float(np.mean(ends > pauses) + np.mean(ends == pauses) / 2)


def _scores(table: Table, weights: Table) -> Table:
    scores: Table = table @ weights[:-1] + weights[-1]
    return scores


def _combined(found: Sequence[Moment], words: Table, sound: Table) -> Table:
    """Log odds by words and by sound, as the product has them."""
    by_words = _scores(np.array([one.words for one in found]), words)
    by_sound = _scores(np.array([one.sound for one in found]), sound)
    chances = 1 / (1 + np.exp(-np.column_stack([by_words, by_sound])))
    return np.array([[log_odds(float(chance)) for chance in row] for row in chances])


def main() -> None:
    """Fit and print."""
    found = moments()
    tuning = [one for one in found if one.half == "tuning"]
    ended = np.array([one.ended for one in tuning])
    words = regression(np.array([one.words for one in tuning]), ended)
    sound = regression(np.array([one.sound for one in tuning]), ended)
    both = regression(_combined(tuning, words, sound), ended)
    for name, weights in (("sentence_ending", words), ("prosody", sound), ("endpointing", both)):
        print(f"{name:16} {' '.join(f'{weight:8.3f}' for weight in weights)}")
    groups = {
        "tuning": tuning,
        "held out": [one for one in found if one.half == "held out"],
        "held out, human": [one for one in found if one.half == "held out" and one.human],
    }
    for name, group in groups.items():
        over = np.array([one.ended for one in group])
        parts = {
            "words": area(_scores(np.array([one.words for one in group]), words), over),
            "sound": area(_scores(np.array([one.sound for one in group]), sound), over),
            "both": area(_scores(_combined(group, words, sound), both), over),
        }
        print(f"{name:16} n={len(group):4}  " + "  ".join(f"{part} {value:.3f}" for part, value in parts.items()))


if __name__ == "__main__":
    main()
