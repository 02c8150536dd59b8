"""A transcriber made of several."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.providers.base import Transcriber
from gateway.providers.failover.candidate import Candidate
from gateway.settings import FailoverSettings


def failover_transcriber(candidates: Sequence[Candidate[Transcriber]], settings: FailoverSettings) -> Transcriber:
    """The candidates as one transcriber; the first is preferred."""
    return candidates[0].provider
