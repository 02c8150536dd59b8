"""A provider among those that can stand in for each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.providers.health import Circuit

Kind = TypeVar("Kind", covariant=True)


@dataclass(frozen=True, slots=True)
class Candidate(Generic[Kind]):
    """:param name: provider and model, for logs and sentences
    :param circuit: its health, shared by all calls of the process"""

    name: str
    provider: Kind
    circuit: Circuit
