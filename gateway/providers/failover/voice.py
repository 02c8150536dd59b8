"""A voice made of several."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.providers.base import Voice
from gateway.providers.failover.candidate import Candidate
from gateway.settings import FailoverSettings


def failover_voice(candidates: Sequence[Candidate[Voice]], settings: FailoverSettings) -> Voice:
    """The candidates as one voice; the first is preferred."""
    return candidates[0].provider
