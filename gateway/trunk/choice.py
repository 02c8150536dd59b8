"""Which of several hosts comes first: by health, priority and weight, as RFC 2782 orders SRV records. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import GatewayState


class Ranked(Protocol):
    """The lowest priority comes first; among equals each as often as its weight says."""

    @property
    def priority(self) -> int:
        """0 to 65535."""

    @property
    def weight(self) -> int:
        """0 to 65535; 0 is hardly ever first."""


R = TypeVar("R", bound=Ranked)


def in_order(choices: Sequence[R], chance: Callable[[], float]) -> list[R]:
    """All of them, in the order in which they are tried.

    :param chance: random, 0 to 1, at each call anew
    """
    ordered: list[R] = []
    for priority in sorted({one.priority for one in choices}):
        equals = [one for one in choices if one.priority == priority]
        while equals:
            ordered.append(equals.pop(_drawn([one.weight for one in equals], chance())))
    return ordered


def gateways_in_order(
    trunk: TrunkSettings, states: Mapping[str, GatewayState], chance: Callable[[], float]
) -> list[str]:
    """Names of the gateways of a trunk that may be called, in the order in which they are tried: those that are known
    to be down come last.

    :param states: of `TrunkState.gateways`
    """
    callable_ones = [one for one in trunk.gateways if one.outbound]
    names = [one.name for one in in_order(callable_ones, chance)]
    return sorted(names, key=lambda name: name in states and states[name].reachable is False)


def _drawn(weights: Sequence[int], chance: float) -> int:
    # one of weight 0 gets a chance too, a small one
    shares = [weight or 0.01 for weight in weights]
    point = chance * sum(shares)
    for index, share in enumerate(shares):
        point -= share
        if point < 0:
            return index
    return len(shares) - 1
