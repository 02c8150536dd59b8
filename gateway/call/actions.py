"""What a worker asks of the call besides speech: hang up, transfer, digits. Each action is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.call import endings
from gateway.call.leg import Leg
from gateway.call.state import EndAfterPlayout, EndNow, Event
from gateway.errors import LegError
from gateway.link.v1 import link_pb2 as pb

TRANSFER_SECONDS = 60.0
"""From REFER to its final NOTIFY (RFC 3515)."""
PLAYOUT_SECONDS = 60.0
"""How long a transfer waits for what is queued."""


class Durable(Protocol):
    """The part of `Journal` that waits."""

    async def durable(self) -> None:
        """Wait until the disk has what was appended."""


class Actions:
    """The actions of one call.

    :param played_out: waits until everything queued was sent
    :param end: tells the call's state machine that it must end
    :param reply: sends an ActionResult to the worker
    """

    def __init__(
        self,
        leg: Leg,
        journal: Durable,
        *,
        played_out: Callable[[], Awaitable[None]],
        end: Callable[[Event], None],
        reply: Callable[[pb.ActionResult], None],
    ) -> None:
        self._leg = leg
        self._journal = journal
        self._played_out = played_out
        self._end = end
        self._reply = reply
        self._seen: set[str] = set()
        self._outcome: asyncio.Future[tuple[bool, str]] | None = None

    def is_new(self, action: pb.Action) -> bool:
        """Whether this id comes for the first time; a repeated one must not be done again."""
        if action.action in self._seen:
            return False
        self._seen.add(action.action)
        return True

    async def perform(self, action: pb.Action) -> None:
        """Do it, after the facts that led to it are on disk, and tell the worker how it went."""
        await self._journal.durable()
        ok, detail = await self._do(action)
        self._reply(pb.ActionResult(action=action.action, ok=ok, detail=detail))

    def on_transfer(self, ok: bool, detail: str) -> None:
        """The leg knows how its transfer went."""
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result((ok, detail))

    async def _do(self, action: pb.Action) -> tuple[bool, str]:
        match action.WhichOneof("act"):
            case "hangup":
                return self._hang_up(action.hangup)
            case "transfer":
                return await self._transfer(action.transfer)
            case "send_digits":
                return await self._send_digits(action.send_digits.digits)
        return False, "This gateway does not know that action."

    def _hang_up(self, hangup: pb.Hangup) -> tuple[bool, str]:
        reason = hangup.reason or endings.ASSISTANT_ENDED
        self._end(EndAfterPlayout(reason) if hangup.after_playout else EndNow(reason))
        return True, "The call ends."

    async def _send_digits(self, digits: str) -> tuple[bool, str]:
        try:
            await self._leg.send_digits(digits)
        except LegError as error:
            return False, str(error)
        return True, "The digits were sent."

    async def _transfer(self, transfer: pb.Transfer) -> tuple[bool, str]:
        if self._outcome is not None:
            return False, "A transfer is going on already."
        self._outcome = asyncio.get_running_loop().create_future()
        try:
            if transfer.after_playout:
                await _within(PLAYOUT_SECONDS, self._played_out())
            await self._leg.transfer(transfer.destination)
            async with asyncio.timeout(TRANSFER_SECONDS):
                ok, detail = await self._outcome
        except LegError as error:
            ok, detail = False, str(error)
        except TimeoutError:
            ok, detail = False, "The other side did not say how the transfer went."
        finally:
            self._outcome = None
        if ok:
            self._end(EndNow(endings.FORWARDED))
        return ok, detail


async def _within(seconds: float, waiting: Awaitable[None]) -> None:
    """Wait, but not for ever: what could not be said in that time stays unsaid."""
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        return
