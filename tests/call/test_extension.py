"""Keys that are dialled when a switchboard has answered."""

from __future__ import annotations

import pytest

from gateway.call.extension import FIRST_PAUSE_SECONDS, dial_extension, read_extension
from gateway.errors import DialRefused
from tests.call.leg_double import MemoryLeg


def test_commas_are_half_a_second_each() -> None:
    assert read_extension("12,,3#") == [FIRST_PAUSE_SECONDS, "12", 1.0, "3#"]


def test_no_extension_is_none() -> None:
    assert read_extension(" ") == ()


@pytest.mark.parametrize("text", ["12x", "1" * 21, "12;sip:x"])
def test_what_has_no_key_is_refused(text: str) -> None:
    with pytest.raises(DialRefused, match="something else than"):
        read_extension(text)


async def test_digits_go_out_in_one_piece_between_the_pauses() -> None:
    leg = MemoryLeg()
    await dial_extension(leg, ["12", 0.01, "3"])
    assert leg.digits == ["12", "3"]
