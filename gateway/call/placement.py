"""Finding a worker that takes a call: the least loaded first, one that refuses or is silent is skipped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from gateway.errors import LinkError, NoWorker
from gateway.link.link import LinkCall, LinkListener, WorkerLink
from gateway.link.v1 import link_pb2 as pb

log = structlog.get_logger(__name__)

ACCEPT_SECONDS = 2.0
"""A worker that has not accepted by then is skipped, when there is another one."""
LAST_SECONDS = 3.5
"""How much longer the last one may take: it may be reading a provider's package for the first time."""


class Workers(Protocol):
    """The part of `WorkerPool` that places calls."""

    def choose(self, tried: list[WorkerLink]) -> WorkerLink:
        """The next to ask. :raises NoWorker: when none is left."""


class _Attempt:
    """Listens until one worker has answered; then the call itself does."""

    def __init__(self, taker: LinkListener, accepted: Callable[[LinkCall], None]) -> None:
        self.call: LinkCall | None = None
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._taker = taker
        self._accepted = accepted

    def on_worker_event(self, event: pb.WorkerEvent) -> None:
        if event.HasField("accepted"):
            assert self.call is not None
            # At once, because what follows in the same tick is for the call.
            self.call.listener = self._taker
            self._settle("")
            self._accepted(self.call)
        elif event.HasField("refused"):
            self._settle(event.refused.reason or "refused")

    def on_worker_lost(self, detail: str, *, frozen: bool = False) -> None:
        self._settle(detail)

    def _settle(self, refusal: str) -> None:
        if not self.answer.done():
            self.answer.set_result(refusal)


def _nobody(call: LinkCall) -> None:
    """Nobody wants to know who is asked."""


async def place(
    workers: Workers,
    taker: LinkListener,
    start: pb.StartCall | Callable[[], pb.StartCall],
    *,
    asked: Callable[[LinkCall], None] = _nobody,
    accepted: Callable[[LinkCall], None] = _nobody,
    avoid: str = "",
) -> LinkCall:
    """Open a call on a worker; from its Accepted on, `taker` listens.

    :param start: the opening, or what makes it anew for each worker that is asked
    :param asked: told of each worker that has been asked, before it has answered
    :param accepted: told of the one that takes it, before anything else that it sends
    :param avoid: name of a worker that is not asked

    :raises NoWorker: when every worker refuses, is silent or is gone
    """
    tried: list[WorkerLink] = []
    while True:
        link = workers.choose(tried)
        tried.append(link)
        if link.name == avoid:
            continue
        attempt = _Attempt(taker, accepted)
        try:
            call = attempt.call = link.open(attempt)
        except LinkError:
            continue
        placed = False
        try:
            call.send(pb.GatewayEvent(start=start() if callable(start) else start))
            asked(call)
            answer = await _answer(attempt, ACCEPT_SECONDS)
            if answer is None and _is_last(workers, tried):
                answer = await _answer(attempt, LAST_SECONDS)
            refusal = "no answer in time" if answer is None else answer
            placed = not refusal
        finally:
            if not placed:
                call.send(pb.GatewayEvent(end=pb.EndCall(reason="not-placed")))
                call.close()
        if placed:
            return call
        log.warning("worker skipped", worker=str(link), reason=refusal)


def _is_last(workers: Workers, tried: list[WorkerLink]) -> bool:
    try:
        workers.choose(tried)
    except NoWorker:
        return True
    return False


async def _answer(attempt: _Attempt, seconds: float) -> str | None:
    """Why it refuses, empty when it takes the call, None when it has not answered yet."""
    await asyncio.wait((attempt.answer,), timeout=seconds)
    return attempt.answer.result() if attempt.answer.done() else None
