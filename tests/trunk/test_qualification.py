"""Whether a gateway can be reached, in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trunk.qualification import Qualification


class Gateway:
    """Answers while it is up."""

    def __init__(self, interval: float) -> None:
        self.now = 0.0
        self.asked = 0
        self.status = 200
        self.up = True
        self.qualification = Qualification(interval)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.1
            if self.qualification.take(self.now):
                self.asked += 1
                if self.up:
                    self.qualification.answered(self.status, now=self.now)


@pytest.mark.scenario("TRK-02", peer="virtual time", transport="none")
@given(st.floats(8, 600), st.floats(0, 600))
def test_it_is_down_within_two_intervals_and_up_within_one(interval: float, phase: float) -> None:
    gateway = Gateway(interval)
    gateway.run(1 + phase % interval)
    assert gateway.qualification.reachable is True
    gateway.up = False
    gateway.run(2 * interval)
    assert gateway.qualification.reachable is False
    gateway.up = True
    gateway.run(interval + 0.1)
    assert gateway.qualification.reachable is True


@pytest.mark.parametrize("status", [200, 404, 405, 483, 486, 503])
def test_any_final_answer_means_that_somebody_is_there(status: int) -> None:
    gateway = Gateway(30)
    gateway.status = status
    gateway.run(1)
    assert (gateway.qualification.reachable, gateway.qualification.status) == (True, status)


def test_a_proxy_that_got_no_answer_is_as_good_as_none() -> None:
    gateway = Gateway(30)
    gateway.status = 408
    gateway.run(1)
    assert gateway.qualification.reachable is False


def test_one_lost_datagram_is_no_failure() -> None:
    gateway = Gateway(30)
    gateway.run(29)
    gateway.up = False
    gateway.run(2)
    gateway.up = True
    gateway.run(4)
    assert gateway.qualification.reachable is True
    assert gateway.asked == 3


def test_none_is_sent_without_an_interval() -> None:
    gateway = Gateway(0)
    gateway.run(10)
    assert (gateway.asked, gateway.qualification.reachable) == (0, None)
