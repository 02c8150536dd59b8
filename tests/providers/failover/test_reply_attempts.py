"""Which models are asked, and when: by injected time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)
from gateway.providers.base import ReplyEnd, ReplyPart, SpokenDelta, TextDelta, ToolCall
from gateway.providers.failover.reply_attempts import (
    PATIENCE,
    Ask,
    AttemptRules,
    Broke,
    Came,
    Drop,
    Over,
    Pass,
    ReplyAttempts,
    Step,
)
from gateway.providers.health import Circuit, CircuitRules

RULES = AttemptRules(first_token_seconds=1.5, token_seconds=1.0)
CALL = ToolCall("call-1", "lookup", {"city": "Bonn"})
DOWN = ProviderUnavailable("It is down.")


def circuits(count: int, *, usual_ms: float | None = None) -> list[Circuit]:
    made = [Circuit("model", f"model-{number}") for number in range(count)]
    for circuit in made:
        for _ in range(20 if usual_ms is not None else 0):
            circuit.succeeded(usual_ms)
    return made


@dataclass
class Course:
    """The course of one reply."""

    attempts: ReplyAttempts
    now: float = 0.0
    steps: list[Step] = field(default_factory=list)

    @classmethod
    def of(cls, candidates: list[Circuit], rules: AttemptRules = RULES, *, said: str = "") -> Course:
        course = cls(ReplyAttempts(candidates, rules, said))
        course.steps += course.attempts.start(0.0)
        return course

    def at(self, now: float) -> Course:
        """Time passes until then, with a look at each deadline on the way."""
        while (deadline := self.attempts.deadline) is not None and deadline <= now:
            self.now = max(self.now, deadline)
            self.steps += self.attempts.handle(None, self.now)
        self.now = now
        return self

    def came(self, attempt: int, *parts: ReplyPart | str) -> Course:
        for part in parts:
            piece = TextDelta(part) if isinstance(part, str) else part
            self.steps += self.attempts.handle(Came(attempt, piece), self.now)
        return self

    def broke(self, attempt: int, error: ProviderError | None = None) -> Course:
        self.steps += self.attempts.handle(Broke(attempt, error), self.now)
        return self

    @property
    def asked(self) -> list[int]:
        return [step.candidate for step in self.steps if isinstance(step, Ask)]

    @property
    def latest(self) -> Ask:
        return [step for step in self.steps if isinstance(step, Ask)][-1]

    @property
    def dropped(self) -> list[int]:
        return [step.attempt for step in self.steps if isinstance(step, Drop)]

    @property
    def text(self) -> str:
        parts = [step.part for step in self.steps if isinstance(step, Pass)]
        return "".join(part.text for part in parts if isinstance(part, TextDelta))

    @property
    def over(self) -> Over:
        (over,) = [step for step in self.steps if isinstance(step, Over)]
        return over


# ---------------------------------------------------------------- one that works


def test_the_reply_is_passed_on_as_it_comes() -> None:
    first, second = circuits(2)
    course = Course.of([first, second]).at(0.4).came(1, "Good ", "morning.", CALL, ReplyEnd("digits"))
    passed = [step.part for step in course.steps if isinstance(step, Pass)]
    assert passed == [TextDelta("Good "), TextDelta("morning."), CALL, ReplyEnd("digits")]
    assert (course.asked, course.over) == ([0], Over())
    assert (first.successes, second.successes) == (1, 0)


def test_a_sign_of_life_keeps_a_request_alive_and_is_not_passed_on() -> None:
    course = Course.of(circuits(2))
    for moment in (1.0, 1.9, 2.8, 3.7):
        course.at(moment).came(1, "")
    course.came(1, CALL, ReplyEnd())
    assert [step.part for step in course.steps if isinstance(step, Pass)] == [CALL, ReplyEnd()]
    assert course.asked == [0]


# ---------------------------------------------------------------- switching


def test_an_error_asks_the_next_at_once() -> None:
    first, second = circuits(2)
    course = Course.of([first, second]).at(0.1).broke(1, DOWN)
    assert (course.asked, course.latest.after) == ([0, 1], DOWN)
    course.came(2, "Hello.", ReplyEnd())
    assert (course.text, course.over, first.failures) == ("Hello.", Over(), 1)


def test_what_was_passed_on_goes_to_the_next() -> None:
    course = Course.of(circuits(2), said="As I said: ").came(1, "It is ", "ten ").broke(1, DOWN)
    assert course.latest == Ask(2, 1, "As I said: It is ten ", DOWN)
    course.came(2, "past nine.", ReplyEnd())
    assert (course.text, course.over) == ("It is ten past nine.", Over())


def test_one_that_falls_silent_is_given_up() -> None:
    first, second = circuits(2)
    course = Course.of([first, second]).at(0.2).came(1, "It is ").at(1.19)
    assert course.asked == [0]
    course.at(1.2)
    assert (course.asked, course.dropped, course.latest.said) == ([0, 1], [1], "It is ")
    assert isinstance(course.latest.after, ProviderTimeout)
    assert first.failures == 1


def test_a_reply_without_an_end_has_broken_off() -> None:
    course = Course.of(circuits(2)).came(1, "It is ").broke(1)
    assert (course.asked, course.latest.said) == ([0, 1], "It is ")


def test_a_late_first_piece_counts_as_a_failure_and_is_still_welcome() -> None:
    first, second = circuits(2)
    course = Course.of([first, second]).at(1.5)
    assert (course.asked, course.dropped, first.failures) == ([0, 1], [], 1)
    course.at(1.7).came(1, "Here I am.", ReplyEnd())
    assert (course.text, course.dropped, course.over) == ("Here I am.", [2, 1], Over())
    assert (first.state(1.7), second.failures) == ("closed", 0)


def test_a_single_one_is_asked_again_once() -> None:
    (only,) = circuits(1)
    course = Course.of([only]).broke(1, DOWN)
    assert course.asked == [0, 0]
    course.broke(2, DOWN)
    assert (course.asked, course.over) == ([0, 0], Over(DOWN))


def test_a_single_one_that_hangs_is_asked_beside_itself_and_waited_for_with_patience() -> None:
    course = Course.of(circuits(1)).at(1.5)
    assert (course.asked, course.dropped) == ([0, 0], [])
    course.at(PATIENCE * 1.5 - 0.1)
    assert course.asked == [0, 0]
    course.at(PATIENCE * 1.5)
    assert isinstance(course.over.error, ProviderTimeout)
    assert sorted(course.dropped) == [1, 2]


@pytest.mark.parametrize("error", [ProviderAuthentication("Wrong key."), ProviderBadRequest("Too long.")])
def test_what_cannot_pass_is_not_asked_again(error: ProviderError) -> None:
    course = Course.of(circuits(2)).broke(1, error)
    assert course.asked == [0, 1]
    course.broke(2, error)
    assert (course.asked, course.over) == ([0, 1], Over(error))


def test_a_bad_request_is_not_held_against_the_provider() -> None:
    candidates = circuits(2)
    for _ in range(5):
        Course.of(candidates).broke(1, ProviderBadRequest("Too long.")).broke(2, ProviderBadRequest("Too long."))
    assert [(circuit.failures, circuit.state(0)) for circuit in candidates] == [(0, "closed")] * 2


def test_an_empty_reply_is_asked_again_and_then_taken() -> None:
    (only,) = circuits(1)
    course = Course.of([only]).came(1, ReplyEnd())
    assert course.asked == [0, 0]
    course.came(2, "", ReplyEnd())
    assert (course.over, course.text, only.failures) == (Over(), "", 0)


def test_nothing_to_add_is_a_good_end_of_what_was_said() -> None:
    course = Course.of(circuits(2)).came(1, "It is ten.").broke(1, DOWN).came(2, ReplyEnd())
    assert (course.asked, course.over) == ([0, 1], Over())


def test_what_a_model_spoke_by_itself_counts_as_said() -> None:
    course = Course.of(circuits(2)).came(1, SpokenDelta("item", "It is"), SpokenDelta("item", "ten")).broke(1, DOWN)
    assert course.latest.said == "It is ten"


# ---------------------------------------------------------------- tools


def test_a_failure_behind_a_tool_call_ends_well() -> None:
    course = Course.of(circuits(2)).came(1, "One moment. ", CALL).broke(1, DOWN)
    assert (course.asked, course.over) == ([0], Over())
    assert [step.part for step in course.steps if isinstance(step, Pass)][-2:] == [CALL, ReplyEnd()]


def test_silence_behind_a_tool_call_ends_well() -> None:
    course = Course.of(circuits(2)).came(1, CALL).at(5)
    assert (course.asked, course.over) == ([0], Over())


# ---------------------------------------------------------------- hedging


def test_a_first_piece_later_than_usual_brings_a_second_request() -> None:
    course = Course.of(circuits(2, usual_ms=500)).at(0.49)
    assert course.asked == [0]
    course.at(0.5)
    assert (course.asked, course.dropped) == ([0, 1], [])


def test_the_first_that_speaks_wins_and_the_other_is_cancelled() -> None:
    first, second = circuits(2, usual_ms=500)
    course = Course.of([first, second]).at(0.8).came(2, "Hello.", ReplyEnd()).came(1, "Hi.", ReplyEnd())
    assert (course.text, course.dropped) == ("Hello.", [1, 2])
    assert (first.failures, second.failures) == (1, 0)
    course = Course.of([first, second]).at(0.6).came(1, "Hi.", ReplyEnd())
    assert (course.text, course.dropped, second.failures) == ("Hi.", [2, 1], 0)


def test_one_that_was_only_slower_may_be_asked_when_the_winner_breaks_off() -> None:
    course = Course.of(circuits(2, usual_ms=500)).at(0.6).came(1, "Good ").broke(1, DOWN)
    assert course.asked == [0, 1, 1]


def test_a_single_one_is_hedged_by_itself_and_only_once() -> None:
    (only,) = circuits(1, usual_ms=400)
    course = Course.of([only]).at(0.5)
    assert course.asked == [0, 0]
    course.came(2, "Hello.", ReplyEnd())
    assert (course.over, only.failures) == (Over(), 0)
    assert Course.of([only]).at(5).asked == [0, 0]


def test_there_is_no_hedge_against_the_settings_or_before_the_usual_time_is_known() -> None:
    unhedged = AttemptRules(first_token_seconds=1.5, hedge=False)
    assert Course.of(circuits(2, usual_ms=400), unhedged).at(1.4).asked == [0]
    assert Course.of(circuits(2)).at(1.4).asked == [0]


def test_one_that_is_always_beaten_goes_out_of_use() -> None:
    first, second = circuits(2, usual_ms=400)
    for _ in range(3):
        Course.of([first, second]).at(0.6).came(2, "Hello.", ReplyEnd())
    assert first.state(0.6) == "open"
    assert Course.of([first, second]).asked == [1]


def test_one_that_became_slower_is_waited_for_longer() -> None:
    first, second = circuits(2, usual_ms=400)
    first.rules = CircuitRules(failures=100)
    for _ in range(5):
        Course.of([first, second]).at(0.9).came(2, "Hello.", ReplyEnd())
    assert Course.of([first, second]).at(0.8).asked == [0]


def test_one_that_keeps_a_conversation_is_never_asked_beside_itself() -> None:
    course = Course(ReplyAttempts(circuits(1, usual_ms=400), RULES, single=frozenset({0})))
    course.steps += course.attempts.start(0.0)
    course.at(5)
    assert course.asked == [0]
    course.broke(1, DOWN)
    assert course.asked == [0, 0]


# ---------------------------------------------------------------- health


def test_what_is_out_of_use_is_skipped() -> None:
    first, second = circuits(2)
    first.failed(-1, ProviderAuthentication("Wrong key."))
    assert Course.of([first, second]).asked == [1]


def test_what_is_out_of_use_is_the_last_resort() -> None:
    first, second = circuits(2)
    first.failed(-1, ProviderAuthentication("Wrong key."))
    assert Course.of([first]).asked == [0]
    assert Course.of([first, second]).broke(1, DOWN).asked == [1, 0]


def test_one_that_asked_to_be_left_alone_is_left_alone() -> None:
    (only,) = circuits(1)
    only.failed(0, ProviderRateLimit("Slow down.", retry_after=20))
    course = Course.of([only])
    assert (course.asked, isinstance(course.over.error, ProviderRateLimit)) == ([], True)


def test_a_trial_that_nobody_waits_for_is_free_for_the_next() -> None:
    (only,) = circuits(1)
    only.failed(-100, ProviderAuthentication("Wrong key."))
    course = Course.of([only])
    assert course.asked == [0]
    assert not only.admits(0.1)
    course.attempts.abandon()
    assert only.admits(0.2)


# ---------------------------------------------------------------- always

PIECES = st.sampled_from(["", "a ", "b ", "c. ", CALL, ReplyEnd()])
ERRORS = st.sampled_from([None, DOWN, ProviderBadRequest("No."), ProviderRateLimit("Slow.", retry_after=5)])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("came"), st.integers(1, 6), PIECES),
        st.tuples(st.just("broke"), st.integers(1, 6), ERRORS),
        st.tuples(st.just("wait"), st.floats(0, 3), st.none()),
    ),
    max_size=30,
)


@given(st.integers(1, 3), st.sampled_from([None, 400.0]), EVENTS)
def test_whatever_happens_a_reply_ends_in_time_with_one_speaker(
    count: int, usual_ms: float | None, events: list[tuple[str, float, object]]
) -> None:
    course = Course.of(circuits(count, usual_ms=usual_ms))
    for kind, number, what in events:
        if kind == "wait":
            course.at(course.now + number)
        elif isinstance(what, ProviderError) or what is None:
            course.broke(int(number), what)
        else:
            course.came(int(number), what)  # type: ignore[arg-type]
    course.at(course.now + (count + 2) * (PATIENCE * 1.5 + 1.0))
    assert [step for step in course.steps if isinstance(step, Over)] == [course.steps[-1]]
    assert course.attempts.deadline is None
    asks = [step.attempt for step in course.steps if isinstance(step, Ask)]
    assert sorted(course.dropped) == asks == list(range(1, len(asks) + 1))
    assert len(asks) <= 2 * count + 1
    calls = [step for step in course.steps if isinstance(step, Pass) and isinstance(step.part, ToolCall)]
    if calls and course.over.error is None:
        assert course.steps.index(calls[-1]) > max(i for i, step in enumerate(course.steps) if isinstance(step, Ask))


@given(st.integers(1, 3), EVENTS)
def test_each_request_goes_on_behind_all_that_was_passed_on(
    count: int, events: list[tuple[str, float, object]]
) -> None:
    course, passed = Course.of(circuits(count), said="> "), "> "
    for kind, number, what in events:
        if kind == "came" and not isinstance(what, ProviderError) and what is not None:
            course.came(int(number), what)  # type: ignore[arg-type]
        elif kind == "broke":
            course.broke(int(number), what)  # type: ignore[arg-type]
    for step in course.steps:
        if isinstance(step, Ask):
            assert step.said == passed
        elif isinstance(step, Pass) and isinstance(step.part, TextDelta):
            passed += step.part.text
