"""What silence asks for, and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.silence import ASSISTANT_ENDED, TIMED_OUT, Due, Prompt, Silence, SilencePlan

IDLE = Prompt(10_000, ("Hello?", "Still there?"), most=3)
PLAN = SilencePlan(60_000, message="Goodbye.", prompts=(IDLE,))


def elapse(silence: Silence, *, prompt_ms: int = 0, until: int = 10**6) -> list[tuple[int, Due]]:
    """Nobody speaks but the prompts, each `prompt_ms` long, until the call ends: what came when."""
    came: list[tuple[int, Due]] = []
    while (at := silence.next) <= until:
        due = silence.due(at)
        assert due is not None, "nothing is waited for in vain"
        came.append((at, due))
        if due.reason:
            break
        silence.goes_on(at + prompt_ms)
    return came


def test_prompts_come_in_turn_and_then_the_end() -> None:
    came = elapse(Silence(PLAN))
    assert [at for at, _ in came] == [10_000, 20_000, 30_000, 60_000]
    assert [due.text for _, due in came] == ["Hello?", "Still there?", "Hello?", "Goodbye."]
    assert came[-1][1].reason == TIMED_OUT


def test_what_a_prompt_takes_is_no_silence() -> None:
    assert [at for at, _ in elapse(Silence(PLAN), prompt_ms=2_000)] == [10_000, 22_000, 34_000, 66_000]


def test_nothing_is_due_before_its_time() -> None:
    silence = Silence(PLAN)
    silence.begins(5_000)
    assert silence.due(14_999) is None
    assert silence.due(15_000) == Due("Hello?")


def test_speech_begins_a_new_silence() -> None:
    silence = Silence(PLAN)
    silence.due(10_000)
    silence.caller_spoke(12_000)
    assert silence.next == 22_000


def test_a_prompt_is_counted_over_the_whole_call_unless_words_begin_anew() -> None:
    for begins_anew, said in ((False, 2), (True, 6)):
        silence = Silence(SilencePlan(30_000, prompts=(Prompt(5_000, ("Hello?",), 2, begins_anew=begins_anew),)))
        count = 0
        for turn in range(3):
            silence.caller_spoke(turn * 100_000)
            count += len(elapse(silence, until=turn * 100_000 + 29_999))
        assert count == said


def test_an_answer_of_the_agent_does_not_count_anew() -> None:
    silence = Silence(SilencePlan(60_000, prompts=(Prompt(5_000, ("Hello?",), 1, begins_anew=True),)))
    silence.due(5_000)
    silence.begins(8_000)
    assert silence.next == 68_000


def test_of_several_the_longest_is_said_and_the_others_go_by() -> None:
    plan = SilencePlan(60_000, prompts=(Prompt(10_000, ("Hello?",), 3), Prompt(20_000, ("I hang up soon.",), 1)))
    came = [(at // 1000, due.text) for at, due in elapse(Silence(plan))]
    assert came == [(10, "Hello?"), (20, "I hang up soon."), (30, "Hello?"), (40, "Hello?"), (60, "")]


def test_a_prompt_may_end_the_call() -> None:
    plan = SilencePlan(60_000, prompts=(Prompt(20_000, ("Goodbye.",), ends_call=True),))
    assert elapse(Silence(plan)) == [(20_000, Due("Goodbye.", ASSISTANT_ENDED))]


def test_a_prompt_without_words_that_does_not_end_the_call_is_none() -> None:
    assert [at for at, _ in elapse(Silence(SilencePlan(60_000, prompts=(Prompt(20_000, ()),))))] == [60_000]


def test_no_prompt_is_said_at_the_end() -> None:
    plan = SilencePlan(30_000, prompts=(Prompt(10_000, ("Hello?",), 3),))
    assert [due.text for _, due in elapse(Silence(plan))] == ["Hello?", "Hello?", ""]


PROMPTS = st.builds(
    Prompt,
    st.integers(1_000, 50_000),
    st.lists(st.sampled_from(["A", "B", "C"]), max_size=3).map(tuple),
    st.integers(1, 10),
    st.booleans(),
    st.booleans(),
)
PLANS = st.builds(SilencePlan, st.integers(5_000, 100_000), st.just(""), st.lists(PROMPTS, max_size=3).map(tuple))


@given(PLANS, st.integers(0, 3_000))
def test_silence_always_ends_the_call_and_no_later_than_asked(plan: SilencePlan, prompt_ms: int) -> None:
    came = elapse(Silence(plan), prompt_ms=prompt_ms)
    prompts = len(came) - 1
    assert came[-1][1].reason
    assert came[-1][0] <= plan.timeout_ms + prompts * prompt_ms
    assert prompts <= sum(prompt.most for prompt in plan.prompts)
    assert [at for at, _ in came] == sorted({at for at, _ in came})
