"""The attempts to reach somebody, one after the other until one is answered. Pure.

An attempt goes to a gateway of a trunk. What a gateway refuses for reasons of its own is tried at the next; what the
callee refuses is not. Where the answer is that another address is to be called (3xx), that is done only as far as
`follow` allows it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

MOST_HOPS = 5
"""Redirections that a call follows at most, whatever a trunk says."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A number or SIP URI that is dialled, through a gateway (host or host:port) of a trunk, or directly.

    `hops` is how many redirections led here, and `redirected_by` the trunk by which they came.
    """

    destination: str
    trunk: str | None = None
    gateway: str | None = None
    hops: int = 0
    redirected_by: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that nobody answered: SIP status and reason, and the URIs of a 3xx, the best first."""

    status: int
    reason: str = ""
    contacts: tuple[str, ...] = ()


class GatewayHealth(Protocol):
    """What is known of a gateway: `gateway.trunk.state.GatewayState`."""

    @property
    def priority(self) -> int: ...

    @property
    def weight(self) -> int: ...

    @property
    def reachable(self) -> bool | None: ...


def attempts_through(
    destination: str, trunk: str, gateways: Mapping[str, GatewayHealth], chance: Callable[[], float]
) -> list[Attempt]:
    """One for each gateway of a trunk: by priority, by weight among equals (RFC 2782), those that are down at last.

    :param gateways: by host or host:port; none for a trunk that is its registrar alone
    :param chance: uniform in [0, 1)
    """
    if not gateways:
        return [Attempt(destination, trunk)]

    def rank(name: str) -> tuple[bool, int, float]:
        state = gateways[name]
        # the largest of u^(1/weight) is each with the probability of its weight
        luck = chance() ** (1 / state.weight) if state.weight else -1.0
        return state.reachable is False, state.priority, -luck

    return [Attempt(destination, trunk, name) for name in sorted(gateways, key=rank)]


def goes_on(status: int) -> bool:
    """Whether another gateway may do better: not when the callee is busy, or does not want the call."""
    return status in (408, 430, 480) or 500 <= status < 600


Follow = Callable[[str, Attempt], Attempt | None]
"""(a contact's URI, the attempt that was answered with it) -> the attempt there; None where it may not be called"""


class Attempts:
    """Those of one call.

    :param planned: at least one
    """

    def __init__(self, planned: Iterable[Attempt], follow: Follow = lambda contact, attempt: None) -> None:
        self._left = deque(planned)
        self._follow = follow
        self._seen: set[str] = set()
        self.now = self._left.popleft()

    @property
    def more(self) -> bool:
        """There is another one."""
        return bool(self._left)

    def failed(self, failure: Failure) -> Attempt | None:
        """The next attempt; None when there is nothing left to try."""
        if 300 <= failure.status < 400:
            self._left.extendleft(reversed(self._redirected(failure.contacts)))
            goes_on_there = bool(self._left) and self._left[0].hops > 0
        else:
            goes_on_there = bool(self._left) and goes_on(failure.status)
        if not goes_on_there:
            return None
        self.now = self._left.popleft()
        return self.now

    def _redirected(self, contacts: Iterable[str]) -> list[Attempt]:
        found: list[Attempt] = []
        for contact in contacts if self.now.hops < MOST_HOPS else ():
            if contact not in self._seen and (attempt := self._follow(contact, self.now)) is not None:
                self._seen.add(contact)
                found.append(attempt)
        return found
