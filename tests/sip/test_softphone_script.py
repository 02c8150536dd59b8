"""When the scripted caller speaks and when it hangs up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.softphone_script import Action, HangUp, Said, ScriptRules, SoftphoneScript, Speak


def run(script: SoftphoneScript, far: list[tuple[int, int]], until_ms: int) -> list[tuple[int, Action]]:
    """Ticks of 20 ms with the far end speaking in the given spans; what was done, with its time."""
    done: list[tuple[int, Action]] = []
    for now in range(0, until_ms, 20):
        action = script.tick(now, far_speech=any(start <= now < end for start, end in far))
        if action is not None:
            done.append((now, action))
    return done


def test_it_waits_until_the_greeting_is_over() -> None:
    script = SoftphoneScript([1000], ScriptRules(silence_ms=800))
    assert run(script, [(200, 2000), (2400, 3000)], 6000) == [(3780, Speak(0))]


def test_a_delay_is_kept_whatever_the_far_end_says() -> None:
    script = SoftphoneScript([1000], ScriptRules(delay_ms=500))
    assert run(script, [(0, 4000)], 4000) == [(500, Speak(0))]


def test_each_line_waits_for_the_answer_to_the_last_one() -> None:
    script = SoftphoneScript([1000, 500], ScriptRules(delay_ms=100, silence_ms=600))
    assert run(script, [(1500, 2500)], 5000) == [(100, Speak(0)), (3080, Speak(1))]
    assert script.said == (Said(0, 100, 1100, 1500), Said(1, 3080, 3580, None))
    assert script.said[0].latency_ms == 400
    assert script.said[1].latency_ms is None


def test_a_far_end_that_says_nothing_is_not_waited_for_for_ever() -> None:
    script = SoftphoneScript([1000], ScriptRules(patience_ms=3000))
    assert run(script, [], 5000) == [(3000, Speak(0))]


def test_it_hangs_up_when_the_last_answer_is_over() -> None:
    script = SoftphoneScript([1000], ScriptRules(delay_ms=0, linger_ms=2000))
    done = run(script, [(1500, 2500)], 4520)
    assert done == [(0, Speak(0)), (4480, HangUp()), (4500, HangUp())]


def test_without_a_linger_it_never_hangs_up() -> None:
    assert run(SoftphoneScript([]), [(0, 1000)], 60_000) == []


def test_without_lines_and_with_a_linger_it_listens_and_hangs_up() -> None:
    done = run(SoftphoneScript([], ScriptRules(linger_ms=1000)), [(500, 1500)], 2500)
    assert done[0] == (2480, HangUp())


spans = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 20_000)), max_size=6)


@given(st.lists(st.integers(100, 3000), max_size=4), spans)
def test_lines_are_said_in_order_and_never_two_at_once(lengths: list[int], far: list[tuple[int, int]]) -> None:
    script = SoftphoneScript(lengths, ScriptRules(linger_ms=500))
    done = run(script, far, 120_000)
    assert [action.line for _, action in done if isinstance(action, Speak)] == list(range(len(lengths)))
    for earlier, later in zip(script.said, script.said[1:], strict=False):
        assert earlier.ended_ms is not None
        assert earlier.ended_ms <= later.started_ms
    assert isinstance(done[-1][1], HangUp)
