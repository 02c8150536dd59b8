"""One call on its attempts: each is sent, told of in the journal, and followed by the next where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from gateway.call.attempts import Attempt, Attempts, Failure
from gateway.call.leg import NO_HEADERS, Leg
from gateway.errors import LegError, OnDoNotCallList, OverLimit

log = structlog.get_logger(__name__)

RESPONSE_SECONDS = 4.0
"""For a gateway's first response, a 100 for one, where there is another gateway: RFC 3261 would wait for 32 s."""


class Dialled(Leg, Protocol):
    """A leg that stays the same from attempt to attempt."""

    @property
    def responded(self) -> bool:
        """Whether the attempt that goes on has had any response."""

    def on_failure(self, decide: Callable[[Failure], bool]) -> None:
        """`decide` is asked when an attempt has failed: true when another one follows, else the leg ends."""

    async def give_up(self) -> bool:
        """Cancel an attempt that had no response, and tell nobody; false when it had one."""

    def fail(self, failure: Failure) -> None:
        """No attempt is left: the leg ends."""


class Dialler(Protocol):
    """The part of `SipEndpoint` that is used here."""

    async def dial(
        self,
        destination: str,
        *,
        trunk: str | None = None,
        gateway: str | None = None,
        caller: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Dialled:
        """Send the first INVITE. :raises LegError: when that cannot be"""

    async def redial(
        self, leg: Dialled, destination: str, *, trunk: str | None, gateway: str | None, caller: str | None
    ) -> None:
        """Send another one for a leg whose attempt has failed. :raises LegError: when that cannot be"""


class Gate(Protocol):
    """What every attempt passes before its INVITE is sent."""

    async def __call__(self, attempt: Attempt, leg: Leg | None) -> None:
        """Take a place on the attempt's trunk.

        :param leg: of the attempts before, None at the first; it holds the place that this one is to take
        :raises OverLimit: there is none
        :raises OnDoNotCallList: whoever is there is not called
        """


Tell = Callable[[Mapping[str, Any]], None]
"""Told of each attempt that is over: {trunk, gateway, destination, status, reason, ms}."""


class Dialling:
    """`begin` gives the leg; `run` goes on with it as long as the call lives."""

    def __init__(
        self,
        dialler: Dialler,
        attempts: Attempts,
        *,
        gate: Gate,
        caller: str | None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        self._dialler = dialler
        self._gate = gate
        self._attempts = attempts
        self._caller = caller
        self._headers = headers
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._next: asyncio.Queue[Attempt] = asyncio.Queue()
        self._untold: list[Mapping[str, Any]] = []
        self._tell: Tell = self._untold.append
        self._leg: Dialled | None = None

    async def begin(self) -> Leg:
        """Send the first INVITE that can be sent.

        :raises LegError: when none can
        :raises OverLimit: when no trunk has a place
        :raises OnDoNotCallList: when whoever is there is not called
        """
        while self._leg is None:
            attempt = self._attempts.now
            try:
                await self._gate(attempt, None)
                self._leg = await self._dialler.dial(
                    attempt.destination,
                    trunk=attempt.trunk,
                    gateway=attempt.gateway,
                    caller=self._caller,
                    headers=self._headers,
                )
            except (LegError, OverLimit) as error:
                if self._failed(Failure(503, str(error))) is None:
                    raise
        self._leg.on_failure(self._decide)
        return self._leg

    async def run(self, tell: Tell) -> None:
        """Send the next INVITE when one has failed; goes on until it is cancelled."""
        self._tell = tell
        for attempt in self._untold:
            tell(attempt)
        while True:
            deadline = self._since + RESPONSE_SECONDS if self._silent else None
            try:
                async with asyncio.timeout_at(deadline):
                    following: Attempt | None = await self._next.get()
            except TimeoutError:
                following = await self._give_up()
            await self._send(following)

    def answered(self) -> None:
        """Somebody answered."""
        self._note(Failure(200, "OK"))

    @property
    def trunk(self) -> str | None:
        """Of the attempt that goes on."""
        return self._attempts.now.trunk

    @property
    def _silent(self) -> bool:
        """The gateway says nothing, and there is another one."""
        return self._attempts.more and self._leg is not None and not self._leg.responded

    async def _give_up(self) -> Attempt | None:
        """Leave a gateway that says nothing, unless it just did."""
        if not self._silent or self._leg is None or not await self._leg.give_up():
            return None
        return self._failed(Failure(408, f"no response in {RESPONSE_SECONDS:g} s"))

    def _decide(self, failure: Failure) -> bool:
        following = self._failed(failure)
        if following is not None:
            self._next.put_nowait(following)
        return following is not None

    async def _send(self, attempt: Attempt | None) -> None:
        assert self._leg is not None
        while attempt is not None:
            log.info("next attempt", trunk=attempt.trunk, gateway=attempt.gateway, destination=attempt.destination)
            try:
                await self._gate(attempt, self._leg)
                self._since = self._loop.time()
                await self._dialler.redial(
                    self._leg,
                    attempt.destination,
                    trunk=attempt.trunk,
                    gateway=attempt.gateway,
                    caller=self._caller,
                )
            except (LegError, OverLimit, OnDoNotCallList) as error:
                failure = Failure(403 if isinstance(error, OnDoNotCallList) else 503, str(error))
                attempt = self._failed(failure)
                if attempt is None:
                    self._leg.fail(failure)
            else:
                return

    def _failed(self, failure: Failure) -> Attempt | None:
        self._note(failure)
        following = self._attempts.failed(failure)
        self._since = self._loop.time()
        return following

    def _note(self, outcome: Failure) -> None:
        attempt = self._attempts.now
        self._tell(
            {
                "trunk": attempt.trunk,
                "gateway": attempt.gateway,
                "destination": attempt.destination,
                "status": outcome.status,
                "reason": outcome.reason,
                "ms": round((self._loop.time() - self._since) * 1000),
            }
        )
