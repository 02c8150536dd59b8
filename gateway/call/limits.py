"""How many calls a trunk or an organisation has at once, and how many may begin in a second. Pure.

What is live is counted anew each time it is asked, never kept in a counter: a counter that misses one end of a call
refuses calls for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from gateway.errors import OverLimit
from gateway.trunk.settings import TrunkSettings

RETRY_SECONDS = 10
"""Told to a caller who is refused: about when a place may be free."""


class TrunkLimits:
    """Of all trunks: `max_calls` and `calls_per_second`."""

    def __init__(self) -> None:
        self._begun: dict[str, deque[float]] = {}

    def admit(self, trunk: TrunkSettings, live: Iterable[str | None], now: float) -> None:
        """Whether one more call may begin.

        :param live: the trunk's name for each call that is live, None for one without
        :param now: seconds of any steady clock
        :raises OverLimit: it may not
        """
        calls = sum(name == trunk.name for name in live)
        if trunk.max_calls is not None and calls >= trunk.max_calls:
            raise OverLimit(
                f"The trunk {trunk.name!r} carries {calls} calls, as many as its max_calls allows.",
                retry_after=RETRY_SECONDS,
            )
        rate = trunk.calls_per_second
        if rate is not None and len(self._recent(trunk.name, rate, now)) >= max(1, int(rate)):
            raise OverLimit(
                f"The trunk {trunk.name!r} begins {rate:g} calls a second, as many as its calls_per_second allows.",
                retry_after=1,
            )

    def wait_seconds(self, trunk: TrunkSettings, now: float) -> float:
        """Until the trunk's rate allows one more call, 0 when it does now."""
        rate = trunk.calls_per_second
        recent = self._recent(trunk.name, rate, now) if rate is not None else ()
        if rate is None or len(recent) < max(1, int(rate)):
            return 0.0
        return recent[-max(1, int(rate))] + max(1.0, 1 / rate) - now

    def begun(self, trunk: TrunkSettings, now: float) -> None:
        """A call began that was admitted."""
        if trunk.calls_per_second is not None:
            self._recent(trunk.name, trunk.calls_per_second, now).append(now)

    def _recent(self, name: str, rate: float, now: float) -> deque[float]:
        """When calls began within the second, or within the time for one call where that is longer."""
        begun = self._begun.setdefault(name, deque())
        while begun and begun[0] <= now - max(1.0, 1 / rate):
            begun.popleft()
        return begun


class OrganisationLimits:
    """Of calls that routes of the settings answer: they are those of the organisation that owns the trunk.

    :param most: calls at once, None for any number
    :param rate: calls that begin in a second, None for any number
    """

    def __init__(self, most: int | None, rate: float | None) -> None:
        self._most = most
        self._rate = rate
        self._begun: dict[str, deque[float]] = {}

    def admit(self, organisation: str, live: Iterable[str | None], now: float) -> None:
        """One more call begins.

        :param live: the organisation of each call that is live
        :param now: seconds of any steady clock
        :raises OverLimit: it may not
        """
        calls = sum(name == organisation for name in live)
        if self._most is not None and calls >= self._most:
            raise OverLimit(
                f"The organisation {organisation!r} has {calls} calls, as many as api.organisation_calls allows.",
                retry_after=RETRY_SECONDS,
            )
        if self._rate is None:
            return
        begun = self._begun.setdefault(organisation, deque())
        while begun and begun[0] <= now - max(1.0, 1 / self._rate):
            begun.popleft()
        if len(begun) >= max(1, int(self._rate)):
            raise OverLimit(
                f"The organisation {organisation!r} begins {self._rate:g} calls a second, as many as "
                "api.organisation_calls_per_second allows.",
                retry_after=1,
            )
        begun.append(now)
