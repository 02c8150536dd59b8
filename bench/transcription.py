"""Word error rate and exact digit strings of the embedded recognisers, through the telephone.

    python -m bench.transcription [--sentences 80] [--digits 4] [--seed 7] [--failures]

Method: the speech of `bench.telephone_speech` (8 kHz, µ-law, line noise at -62 dBFS, cut where Silero finds speech,
300 ms before and 200 ms after). WER counts words after lower-casing, without punctuation, numbers as words (above 99
digit by digit), "good bye" and "voice mail" as one word. A digit string counts when `digits_in` makes exactly it of the
text. Latency is that of one recognition alone on the machine, median; RTF is recognition time by audio time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.report import Rate
from bench.telephone_speech import Case, answers, digits, sentences
from gateway.commands.provider.word_errors import edit_distance, normalised
from gateway.media.audio import SAMPLE_BYTES, ms_to_samples
from gateway.providers.base import TranscriptHint
from gateway.providers.llm.dialogue.spoken_digits import digits_in
from gateway.providers.stt.embedded import embedded_recognisers
from gateway.providers.stt.recogniser import MODEL_RATE, Recogniser
from gateway.providers.stt.segment import to_model_rate

_HINTS = {"sentence": "anything", "digits": "digits", "answer": "yes-no"}


@dataclass(slots=True)
class Score:
    """Sums over the cases of one kind."""

    errors: int = 0
    words: int = 0
    exact: int = 0
    cases: int = 0
    seconds: list[float] = field(default_factory=list)
    audio_seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def rates(self, name: str) -> list[Rate]:
        """Word error rate, where words were counted, and what was wholly right."""
        rates = [Rate.of(f"{name}: WER", self.errors, self.words)] if self.words else []
        return [*rates, Rate.of(f"{name}: exact", self.exact, self.cases)]

    def line(self) -> str:
        """The figures as text."""
        error_rate = f"{100 * self.errors / self.words:5.1f} % WER" if self.words else " " * 11
        return (
            f"{error_rate}  {100 * self.exact / self.cases:5.1f} % exact of {self.cases:3}  "
            f"median {1000 * statistics.median(self.seconds):4.0f} ms  RTF {sum(self.seconds) / self.audio_seconds:.3f}"
        )


def score(recogniser: Recogniser, cases: Iterable[Case]) -> dict[str, Score]:
    """Recognise every case with the hint that a dialogue would give; scores by kind."""
    scores: dict[str, Score] = {}
    for case in cases:
        one = scores.setdefault(case.kind, Score())
        first, last = ms_to_samples(case.start_ms - 300), ms_to_samples(case.end_ms + 200)
        samples = to_model_rate(case.pcm[max(0, first) * SAMPLE_BYTES : last * SAMPLE_BYTES])
        began = time.perf_counter()
        heard = recogniser.recognise(samples, TranscriptHint(expects=_HINTS[case.kind]))
        one.seconds.append(time.perf_counter() - began)
        one.audio_seconds += len(samples) / MODEL_RATE
        judge(one, case, heard.text)
    return scores


def judge(one: Score, case: Case, heard: str) -> None:
    """Count a case of which `heard` was understood."""
    if case.kind == "digits":
        right = digits_in(heard, len(case.words)) == case.words
    else:
        wanted = normalised(case.words)
        errors = edit_distance(wanted, normalised(heard))
        one.errors += errors
        one.words += len(wanted)
        right = errors == 0
    one.cases += 1
    one.exact += right
    if not right:
        one.failures.append(f"{case.speaker}: {case.words!r} heard as {heard!r}")


def main() -> None:
    """Print a line per recogniser and kind of speech."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=80)
    parser.add_argument("--digits", type=int, default=4, help="strings per synthetic speaker")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--failures", action="store_true", help="print what was not recognised")
    arguments = parser.parse_args()
    print(__doc__.split("Method: ")[1].strip() + "\n")
    cases = [*sentences(arguments.sentences), *digits(arguments.digits, seed=arguments.seed), *answers()]
    for name, recogniser in embedded_recognisers().items():
        for kind, one in score(recogniser, cases).items():
            print(f"{name:10} {kind:9} {one.line()}", flush=True)
            if arguments.failures:
                print("\n".join(f"    {failure}" for failure in one.failures))


if __name__ == "__main__":
    main()
