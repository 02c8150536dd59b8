from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.providers.base import Transcript
from gateway.providers.stt.assembly import Assembly
from gateway.providers.stt.connection import Recognised, RecognisedWord

STEP_MS = 20


def words(text: str, start: int, each: int = 300) -> tuple[RecognisedWord, ...]:
    spoken = text.split()
    return tuple(RecognisedWord(word, start + n * each, start + (n + 1) * each) for n, word in enumerate(spoken))


def result(
    text: str, start: int, end: int, *, final: bool = True, flushed: bool = False, timed: bool = True
) -> Recognised:
    spoken = words(text, start) if timed else ()
    return Recognised(text, start, end, final, spoken, flushed=flushed)


def finals(transcripts: list[Transcript]) -> list[tuple[int | None, str]]:
    return [(one.segment, one.text) for one in transcripts if one.final]


# ---------------------------------------------------------------- any splitting gives the exact text


@dataclass
class Simulation:
    """A caller who says words one after the other, a detector that finds spans, and a recogniser that tells of the
    words as the dice want. Everything is late by some time of its own."""

    rng: random.Random
    timed: bool
    answers_flushes: bool

    def __post_init__(self) -> None:
        self.assembly = Assembly()
        self.now = 0
        self.slip = self.rng.randrange(-100, 100)
        """The detector does not quite agree with the recogniser on when words are spoken."""
        self.final_ms = 0
        self.spoken: list[RecognisedWord] = []
        self.flushes: list[tuple[int, int]] = []
        self.spans: list[tuple[int, list[str]]] = []
        self.answers: dict[int | None, str] = {}

    def speak(self, utterances: list[int]) -> None:
        """Utterances of so many words each, with a pause behind each."""
        for count in utterances:
            start, said = self.now, list[str]()
            for number in range(count):
                if number:
                    gap = self.rng.randrange(0, 300, STEP_MS)
                    self.wait(gap)
                    if gap >= 100 and self.rng.random() < 0.4:
                        self.ask(start, said)
                said.append(f"w{len(self.spoken)}")
                self.say(said[-1])
            self.wait(100)
            self.ask(start, said)
            self.wait(self.rng.randrange(600, 3000, STEP_MS))
        self.wait(3000)

    def say(self, word: str) -> None:
        start, length = self.now, self.rng.randrange(80, 600, STEP_MS)
        self.wait(length)
        self.spoken.append(RecognisedWord(word, start, start + length))

    def ask(self, start: int, said: list[str]) -> None:
        """The span of the words so far, with the conversation's margins; asked for again it is longer."""
        segment = len(self.spans)
        self.spans.append((start, list(said)))
        span = max(0, start - 200 + self.slip), min(self.now, self.now + self.slip)
        self.hear(self.assembly.finish(segment, *span, heard_ms=self.now, now=self.now))
        if self.assembly.waits:
            self.flushes.append((self.now, self.now + self.rng.randrange(20, 500, STEP_MS)))

    def wait(self, ms: int) -> None:
        for _ in range(ms // STEP_MS):
            self.now += STEP_MS
            self.recognise()
            self.hear(self.assembly.time(self.now))

    def recognise(self) -> None:
        for flush in [flush for flush in self.flushes if flush[1] <= self.now]:
            self.flushes.remove(flush)
            if self.answers_flushes:
                self.tell(flush[0], final=True, flushed=True)
        dice = self.rng.random()
        if dice < 0.1:
            self.tell(self.now - self.rng.randrange(0, 300), final=False)
        elif dice < 0.12 and not self.flushes:
            self.tell(self.now - self.rng.randrange(100, 400), final=True)

    def tell(self, until: int, *, final: bool, flushed: bool = False) -> None:
        """What was said since the last final result up to this moment."""
        until = max(self.final_ms, until, 0)
        known = tuple(word for word in self.spoken if self.final_ms < word.end_ms <= until)
        text = " ".join(word.text for word in known)
        told = Recognised(text, self.final_ms, until, final, known if self.timed else (), flushed=flushed)
        if final:
            self.final_ms = until
        self.hear(self.assembly.recognised(told, self.now))

    def hear(self, transcripts: list[Transcript]) -> None:
        for transcript in transcripts:
            if transcript.final:
                assert transcript.segment not in self.answers
                self.answers[transcript.segment] = transcript.text


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.integers(1, 7), min_size=1, max_size=5),
    st.sampled_from([(True, True), (True, False), (False, True)]),
)
def test_however_results_are_cut_each_span_has_its_words(
    seed: int, utterances: list[int], recogniser: tuple[bool, bool]
) -> None:
    timed, answers_flushes = recogniser
    simulation = Simulation(random.Random(seed), timed, answers_flushes)
    simulation.speak(utterances)
    whole = dict(simulation.spans)
    for segment, (start, said) in enumerate(simulation.spans):
        heard = simulation.answers[segment].split()
        if said == whole[start]:
            assert heard == said
        else:  # the caller went on meanwhile: some of what came then may be there, too
            assert heard[: len(said)] == said
            assert heard == whole[start][: len(heard)]


# ---------------------------------------------------------------- one by one


def test_a_span_that_is_final_already_is_answered_at_once() -> None:
    assembly = Assembly()
    assembly.recognised(result("call back", 0, 1000), now=1000)
    assert finals(assembly.finish(1, 0, 800, heard_ms=1000, now=1000)) == [(1, "call back")]
    assert not assembly.waits


def test_a_flush_answers_the_spans_before_it_and_no_later_one() -> None:
    assembly = Assembly()
    assembly.finish(1, 0, 800, heard_ms=900, now=900)
    assembly.finish(2, 1200, 1800, heard_ms=1900, now=1900)
    assert finals(assembly.recognised(result("one two", 0, 900, flushed=True), now=1950)) == [(1, "one two")]
    later = Recognised("three", 900, 1900, True, words("three", 1300), flushed=True)
    assert finals(assembly.recognised(later, now=2000)) == [(2, "three")]


def test_a_flush_that_tells_no_time_answers_the_oldest() -> None:
    assembly = Assembly()
    assembly.finish(1, 0, 800, heard_ms=900, now=900)
    assert finals(assembly.recognised(Recognised("", 0, 0, True, flushed=True), now=950)) == [(1, "")]


def test_without_an_answer_to_the_flush_the_best_text_is_taken_in_time() -> None:
    assembly = Assembly()
    assembly.finish(1, 0, 800, heard_ms=900, now=900)
    assembly.recognised(result("one two", 0, 1000, final=False), now=1000)
    assert assembly.deadline(1000) == 1500
    assert assembly.time(1499) == []
    assert finals(assembly.time(1500)) == [(1, "one two")]


def test_silence_of_the_recogniser_is_no_answer() -> None:
    assembly = Assembly()
    assembly.recognised(result("one", 0, 500, final=False), now=500)
    assembly.finish(1, 0, 800, heard_ms=900, now=900)
    assert assembly.time(5000) == []
    assert finals(assembly.time(assembly.deadline(5000) or 0)) == [(1, "one")]


def test_what_was_taken_as_a_partial_does_not_come_again_as_a_final() -> None:
    assembly = Assembly()
    assembly.finish(1, 0, 800, heard_ms=900, now=900)
    assembly.recognised(result("one too", 0, 1000, final=False), now=1000)
    assembly.time(1500)
    more = (*words("One two.", 10), *words("three", 1300))
    assembly.recognised(Recognised("One two. three", 0, 2000, True, more), now=2000)
    assert finals(assembly.finish(2, 1100, 1700, heard_ms=2000, now=2000)) == [(2, "three")]
    assert finals(assembly.finish(3, 0, 1700, heard_ms=2000, now=2000)) == [(3, "One two. three")]


@pytest.mark.parametrize(("final", "text"), [("", "yes"), ("yeah", "yeah")])
def test_a_partial_word_in_which_a_final_result_ends_is_kept_unless_the_final_has_it(final: str, text: str) -> None:
    assembly = Assembly()
    assembly.finish(1, 0, 590, heard_ms=680, now=680)
    assembly.recognised(Recognised("yes", 0, 670, False, words("yes", 0, each=580)), now=700)
    assembly.recognised(Recognised(final, 0, 530, True, words(final, 0, each=500)), now=740)
    assert finals(assembly.time(1280)) == [(1, text)]


def test_words_that_come_too_late_for_their_span_go_to_the_next() -> None:
    assembly = Assembly()
    assembly.finish(1, 0, 800, heard_ms=900, now=900)
    assert finals(assembly.recognised(Recognised("", 0, 900, False, flushed=True), now=950)) == [(1, "")]
    assembly.recognised(result("one two", 0, 1000), now=1200)
    assembly.recognised(Recognised("three", 1000, 2600, True, words("three", 2200)), now=2600)
    assert finals(assembly.finish(2, 2000, 2500, heard_ms=2600, now=2600)) == [(2, "one two three")]


@pytest.mark.parametrize("rounding", [-10, 160])
def test_the_answer_to_an_earlier_flush_leaves_a_later_span_waiting(rounding: int) -> None:
    assembly = Assembly()
    assembly.finish(1, 0, 900, heard_ms=1500, now=1500)
    assert finals(assembly.recognised(result("one two", 0, 950), now=1550)) == [(1, "one two")]
    assembly.finish(2, 1000, 2900, heard_ms=3000, now=3000)
    early = Recognised("three", 950, 1500 + rounding, False, words("three", 1100), flushed=True)
    assert finals(assembly.recognised(early, now=3010)) == []
    later = Recognised("three four", 950, 3000, True, words("three four", 1100), flushed=True)
    assert finals(assembly.recognised(later, now=3050)) == [(2, "three four")]


def test_what_nobody_asks_for_is_in_no_other_span() -> None:
    assembly = Assembly()
    assembly.recognised(result("radio talk", 0, 1000), now=1000)
    assembly.recognised(Recognised("yes", 1000, 5000, True, words("yes", 4000)), now=5000)
    assert finals(assembly.finish(1, 3800, 4400, heard_ms=5000, now=5000)) == [(1, "yes")]


def test_a_result_that_comes_twice_counts_once() -> None:
    assembly = Assembly()
    for _ in range(2):
        assembly.recognised(result("one two", 0, 1000), now=1000)
    assert finals(assembly.finish(1, 0, 900, heard_ms=1000, now=1000)) == [(1, "one two")]


def test_finals_in_the_wrong_order_are_read_in_the_right_one() -> None:
    assembly = Assembly()
    assembly.recognised(Recognised("two", 700, 1400, True, words("two", 800)), now=1400)
    assembly.recognised(Recognised("one", 0, 700, True, words("one", 100)), now=1450)
    assert finals(assembly.finish(1, 0, 1300, heard_ms=1400, now=1500)) == [(1, "one two")]


def test_running_text_is_what_is_said_since_the_last_pause_and_in_no_span() -> None:
    assembly = Assembly()
    assembly.recognised(result("hello", 0, 600), now=600)
    told = Recognised("call back", 600, 3000, False, words("call back", 2300), stability=0.7)
    (running,) = assembly.recognised(told, now=3000)
    assert (running.text, running.start_ms, running.final, running.stability) == ("call back", 2300, False, 0.7)
    assembly.finish(1, 2100, 3000, heard_ms=3000, now=3000)
    assembly.time(3600)
    again = Recognised("call back now", 600, 3700, False, words("call back now", 2300))
    assert [one.text for one in assembly.recognised(again, now=3700)] == ["now"]


@pytest.mark.parametrize(("end_ms", "finished"), [(1000, 0.8), (1500, None)])
def test_the_end_of_a_turn_is_told_with_the_span_that_it_is_about(end_ms: int, finished: float | None) -> None:
    assembly = Assembly()
    assembly.recognised(Recognised("one", 0, 1100, True, words("one", 100), finished=0.8), now=1100)
    (answer,) = assembly.finish(1, 0, end_ms, heard_ms=1100, now=1100)
    assert answer.finished == finished


def test_a_span_is_judged_anew_until_the_caller_goes_on() -> None:
    assembly = Assembly()
    turn = Recognised("one", 0, 1100, False, words("one", 100), finished=0.2)
    assembly.recognised(turn, now=1100)
    assembly.finish(1, 0, 1000, heard_ms=1100, now=1100)
    (answer,) = assembly.time(1700)
    assert (answer.final, answer.finished) == (True, 0.2)
    (judged,) = assembly.recognised(replace(turn, end_ms=1800, finished=0.8), now=1800)
    assert (judged.final, judged.segment, judged.finished) == (False, 1, 0.8)
    assert assembly.recognised(replace(turn, end_ms=1900, finished=0.8), now=1900) == []
    more = Recognised("one two", 0, 2600, False, (*words("one", 100), *words("two", 2200)), finished=0.3)
    assert [one.segment for one in assembly.recognised(more, now=2600)] == [None]


def test_a_new_connection_takes_up_behind_the_last_final() -> None:
    assembly = Assembly()
    assembly.recognised(result("one", 0, 500), now=500)
    assembly.recognised(Recognised("two", 500, 1200, False, words("two", 600)), now=1200)
    assembly.restarted()
    assert assembly.idle
    assert assembly.final_until_ms == 500
    assembly.recognised(Recognised("two three", 500, 1500, True, words("two three", 600)), now=1500)
    assert finals(assembly.finish(1, 0, 1400, heard_ms=1500, now=1500)) == [(1, "one two three")]
