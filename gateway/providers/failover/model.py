"""A model made of several."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.providers.base import LanguageModel
from gateway.providers.failover.candidate import Candidate
from gateway.settings import FailoverSettings


def failover_model(candidates: Sequence[Candidate[LanguageModel]], settings: FailoverSettings) -> LanguageModel:
    """The candidates as one model; the first is preferred."""
    return candidates[0].provider
