"""A provider among those that can stand in for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from gateway.errors import ProviderError
from gateway.providers.base import Preparable
from gateway.providers.health import Circuit

Kind = TypeVar("Kind", covariant=True)

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate(Generic[Kind]):
    """:param name: provider and model, for logs and sentences
    :param circuit: its health, shared by all calls of the process"""

    name: str
    provider: Kind
    circuit: Circuit


async def prepare_all(candidates: Sequence[Candidate[object]], now: float) -> None:
    """A call is about to use them: those that are in use open their connections, all at the same time."""
    ready = [candidate for candidate in candidates if candidate.circuit.state(now) == "closed"]
    await asyncio.gather(*map(_prepare, ready))


async def _prepare(candidate: Candidate[object]) -> None:
    if not isinstance(candidate.provider, Preparable):
        return
    try:
        await candidate.provider.prepare()
    except ProviderError as error:
        logger.info("provider not prepared", provider=candidate.name, error=str(error))
