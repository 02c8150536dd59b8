from __future__ import annotations

import pytest

from gateway.call.admission import Admission
from gateway.errors import Draining, OverCapacity


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
