"""What judges the ends of turns by sound."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from gateway.assistant.start_speaking_plan import SmartTurnEndpointing, StartSpeakingPlan
from gateway.providers.base import TurnDetector
from gateway.providers.pools import turn_end_pool
from gateway.providers.turn.prosody import ProsodyJudge

if TYPE_CHECKING:
    from gateway.providers.turn.smart_turn import SmartTurn


def make_turn_detector(plan: StartSpeakingPlan) -> TurnDetector:
    """smart-turn where the assistant asks for it, else the prosody.

    :raises ModelError: the model that was asked for is missing or damaged
    """
    return smart_turn() if isinstance(plan.smart, SmartTurnEndpointing) else ProsodyJudge()


@functools.cache
def smart_turn() -> SmartTurn:
    """The model, loaded at the first call.

    :raises ModelError: its file is missing or damaged
    """
    from gateway.providers.turn.smart_turn import SmartTurn

    return SmartTurn(turn_end_pool())
