from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call.admission import (
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    Admission,
    CallRateLimit,
    Occupancy,
    admission_of,
    retry_seconds,
)
from gateway.call.strain import Measure, Strain
from gateway.errors import CallRate, CallRefused, Draining, OverCapacity, Overloaded
from gateway.settings import AdmissionSettings, Settings
from gateway.sip.settings import SipSettings


def test_calls_are_taken_up_to_the_last_place() -> None:
    admission = Admission(2)
    admission.admit(0)
    admission.admit(1)
    with pytest.raises(OverCapacity) as refusal:
        admission.admit(2)
    assert refusal.value.status == 503
    assert refusal.value.retry_after


def test_a_draining_gateway_takes_none() -> None:
    admission = Admission(2)
    admission.draining = True
    with pytest.raises(Draining) as refusal:
        admission.admit(0)
    assert refusal.value.status == 503


def test_those_who_are_refused_are_told_to_come_back_at_different_times() -> None:
    chances = iter([0.0, 0.5, 0.999])
    assert [retry_seconds(lambda: next(chances)) for _ in range(3)] == [SHORTEST_SECONDS, 18, LONGEST_SECONDS]


def test_every_refusal_is_503_and_says_why_and_when_to_come_back() -> None:
    suffering = Strain({Measure.MEMORY: 0.9})
    suffering.measured({Measure.MEMORY: 0.95}, 0)
    few_files = Admission(2)
    few_files.file_places = 1
    refused = {
        "over-capacity": (Admission(2), Occupancy(2)),
        "no-worker": (Admission(2), Occupancy(0, slots=0)),
        "memory": (Admission(2, strain=suffering), Occupancy(0)),
        "file-descriptors": (few_files, Occupancy(1)),
    }
    for reason, (admission, occupancy) in refused.items():
        with pytest.raises(CallRefused) as refusal:
            admission.begin(occupancy, 0)
        assert (refusal.value.status, refusal.value.reason) == (503, reason)
        assert SHORTEST_SECONDS <= (refusal.value.retry_after or 0) <= LONGEST_SECONDS


def test_a_worker_that_has_room_and_a_file_that_can_be_opened_are_enough() -> None:
    admission = Admission(2)
    admission.file_places = 2
    admission.begin(Occupancy(1, slots=1), 0)


def test_calls_that_are_refused_for_another_reason_do_not_use_up_the_rate() -> None:
    admission = Admission(1, CallRateLimit(1, 1))
    for _ in range(5):
        with pytest.raises(OverCapacity):
            admission.begin(Occupancy(1), 0)
    admission.begin(Occupancy(0), 0)
    with pytest.raises(CallRate):
        admission.begin(Occupancy(0), 0)


@given(
    rate=st.floats(0.1, 200),
    burst=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_the_rate_is_kept_over_any_time_and_no_more_is_refused_than_needed(
    rate: float, burst: int, gaps: list[float]
) -> None:
    limit, now, taken = CallRateLimit(rate, burst), 1000.0, list[float]()
    for gap in gaps:
        now += gap
        try:
            limit.admit(now)
            taken.append(now)
        except CallRate:
            assert taken, "the first call of all"
            assert sum(at > now - burst / rate for at in taken) >= 1, "nobody came for so long"
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + (taken[last] - taken[first]) * rate + 1e-6


def test_a_rate_of_one_in_two_seconds_lets_one_in_each_two_seconds() -> None:
    limit, taken = CallRateLimit(0.5, 1), list[float]()
    for tenth in range(100):
        try:
            limit.admit(100 + tenth / 10)
            taken.append(tenth / 10)
        except CallRate:
            continue
    assert all(later - earlier == pytest.approx(2, abs=0.11) for earlier, later in pairwise(taken))


def test_the_settings_say_what_counts() -> None:
    settings = Settings(sip=SipSettings(max_calls=3), admission=AdmissionSettings(processor=0.9, memory=None))
    admission = admission_of(settings)
    assert set(admission.strain.limits) == set(Measure) - {Measure.MEMORY}
    with pytest.raises(OverCapacity):
        admission.begin(Occupancy(3), 0)


def test_an_overloaded_machine_takes_none() -> None:
    strain = Strain({Measure.EVENT_LOOP: 100})
    for now in (0.0, 0.5, 1.0):
        strain.measured({Measure.EVENT_LOOP: 200}, now)
    with pytest.raises(Overloaded) as refusal:
        Admission(5, strain=strain).begin(Occupancy(0), 2)
    assert refusal.value.reason == "event-loop-late"
    assert "200 ms late" in str(refusal.value)
