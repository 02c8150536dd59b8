"""Conversations from seeds, with every rule watched."""

from __future__ import annotations

import pytest

from tests.conversation.simulation.conversation import converse

CALLS = 120


@pytest.mark.parametrize("part", range(4))
def test_conversations_keep_every_rule(part: int) -> None:
    for seed in range(part, CALLS, 4):
        converse(seed)
