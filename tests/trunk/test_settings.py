"""What a trunk may be configured to."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.trunk.settings import TrunkSettings

OFFICE = {"name": "office", "gateways": [{"host": "192.0.2.1"}]}


def test_off_may_be_written_bare_in_yaml() -> None:
    trunk = TrunkSettings.model_validate({**OFFICE, "session_timer": False, "prack": False})
    assert (trunk.session_timer, trunk.prack) == ("off", "off")


@pytest.mark.parametrize(
    "wrong",
    [{"session_seconds": 60}, {"session_seconds": 100, "min_session_seconds": 120}, {"prack": "on"}],
    ids=["below the least of the standard", "below our own least", "unknown"],
)
def test_a_session_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrunkSettings.model_validate({**OFFICE, **wrong})
