from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.call.strain import BEGIN_SECONDS, END_SECONDS, Measure, Strain

STEP = 0.5


def run(strain: Strain, values: Sequence[float], measure: Measure = Measure.MEDIA_CLOCK) -> list[bool]:
    """Whether calls are refused after each value, one every STEP seconds."""
    refused = []
    for index, value in enumerate(values):
        strain.measured({measure: value}, index * STEP)
        refused.append(strain.reason is not None)
    return refused


def test_one_late_tick_refuses_nobody() -> None:
    assert not any(run(Strain({Measure.MEDIA_CLOCK: 40}), [0, 500, 0, 500, 0]))


def test_what_lasts_refuses_and_goes_on_until_it_has_been_well_for_longer() -> None:
    refused = run(Strain({Measure.MEDIA_CLOCK: 40}), [50, 50, 50, *[0] * 8])
    assert refused == [False, False, True, *[True] * 6, False, False]


def test_what_stays_just_below_the_limit_is_no_all_clear() -> None:
    assert all(run(Strain({Measure.MEDIA_CLOCK: 40}), [50] * 3 + [39] * 20)[2:])


def test_memory_is_not_waited_for() -> None:
    assert run(Strain({Measure.MEMORY: 0.9}), [0.95], Measure.MEMORY) == [True]


def test_a_measure_without_a_limit_refuses_nobody() -> None:
    assert not any(run(Strain(), [1e9] * 10))


def test_each_change_is_told_once() -> None:
    strain = Strain({Measure.MEMORY: 0.9})
    told = [list(strain.measured({Measure.MEMORY: value}, now)) for now, value in enumerate([0.95, 0.95, *[0.1] * 5])]
    assert [change for changes in told for change in changes] == [(Measure.MEMORY, True), (Measure.MEMORY, False)]


@given(st.lists(st.floats(0, 100), max_size=200))
def test_it_never_flaps(values: list[float]) -> None:
    refused = run(Strain({Measure.MEDIA_CLOCK: 40}), values)
    changes = [index for index in range(1, len(refused)) if refused[index] != refused[index - 1]]
    for earlier, later in pairwise(changes):
        least = END_SECONDS if refused[earlier] else BEGIN_SECONDS
        assert (later - earlier) * STEP >= least
