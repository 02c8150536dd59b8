"""A model made of several: `reply_attempts` at work, with a task for each request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import cast

import structlog

from gateway.errors import ProviderError
from gateway.providers.base import CallContext, ChatRequest, FollowsPlayout, LanguageModel, ReplyPart
from gateway.providers.failover.candidate import Candidate, prepare_all
from gateway.providers.failover.reply_attempts import (
    Ask,
    AttemptRules,
    Broke,
    Came,
    Drop,
    Over,
    Pass,
    ReplyAttempts,
)
from gateway.settings import FailoverSettings

CLOSE_SECONDS = 2.0
"""A cancelled request that does not end by then is left to itself, and logged."""

logger = structlog.get_logger(__name__)


def failover_model(candidates: Sequence[Candidate[LanguageModel]], settings: FailoverSettings) -> LanguageModel:
    """The candidates as one model; the first is preferred."""
    return FailoverModel(candidates, settings)


class FailoverModel:
    """Asks the candidates as `ReplyAttempts` decides.

    :param clock: seconds, steady
    """

    def __init__(
        self,
        candidates: Sequence[Candidate[LanguageModel]],
        settings: FailoverSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._candidates = candidates
        self._rules = AttemptRules(settings.first_token_seconds, settings.token_seconds, settings.hedge)
        self._clock = clock
        # A model that speaks by itself keeps a conversation with each call.
        self._single = frozenset(n for n, one in enumerate(candidates) if isinstance(one.provider, FollowsPlayout))

    async def prepare(self) -> None:
        """Open the connections of those that are in use."""
        await prepare_all(self._candidates, self._clock())

    def played(self, item: str, samples: int, context: CallContext) -> None:
        """What the caller was sent: for those that speak by themselves."""
        for candidate in self._candidates:
            if isinstance(candidate.provider, FollowsPlayout):
                candidate.provider.played(item, samples, context)

    async def reply(self, request: ChatRequest) -> AsyncGenerator[ReplyPart, None]:
        """Stream the reply, whoever makes it. A reply that is closed early takes every request with it.

        :raises ProviderError: of the last candidate, when all have failed
        """
        circuits = [candidate.circuit for candidate in self._candidates]
        attempts = ReplyAttempts(circuits, self._rules, request.said, self._single)
        requests = _Requests(self._candidates, request)
        steps = attempts.start(self._clock())
        try:
            while True:
                for step in steps:
                    match step:
                        case Ask():
                            requests.ask(step)
                        case Drop(attempt=number):
                            requests.drop(number)
                        case Pass(part=part):
                            yield part
                        case Over(error=None):
                            return
                        case Over(error=error):
                            raise cast(ProviderError, error)
                event = await requests.next(attempts.deadline, self._clock)
                steps = attempts.handle(event, self._clock())
        finally:
            attempts.abandon()
            await requests.close()


class _Requests:
    """The requests of one reply that are under way, each read by a task of its own."""

    def __init__(self, candidates: Sequence[Candidate[LanguageModel]], request: ChatRequest) -> None:
        self._candidates = candidates
        self._request = request
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._events: asyncio.Queue[Came | Broke | Exception] = asyncio.Queue()

    def ask(self, step: Ask) -> None:
        """Begin an attempt."""
        candidate = self._candidates[step.candidate]
        if step.after is not None:
            logger.warning(
                "model asked instead",
                call=self._request.context.call_id,
                model=candidate.name,
                said=len(step.said),
                error=str(step.after),
            )
        request = replace(self._request, said=step.said)
        reading = self._read(step.attempt, candidate.provider, request)
        self._tasks[step.attempt] = asyncio.create_task(reading, name=f"model {candidate.name}")

    def drop(self, attempt: int) -> None:
        """Cancel an attempt; harmless when it has ended."""
        if (task := self._tasks.pop(attempt, None)) is not None:
            task.cancel()
            self._ending.add(task)

    async def next(self, deadline: float | None, clock: Callable[[], float]) -> Came | Broke | None:
        """What happens next, None when nothing did by the deadline.

        :raises Exception: a provider has a bug
        """
        if self._events.empty():
            try:
                async with asyncio.timeout(None if deadline is None else max(0.0, deadline - clock())):
                    event = await self._events.get()
            except TimeoutError:
                return None
        else:
            event = self._events.get_nowait()
        if isinstance(event, Exception):
            raise event
        return event

    async def close(self) -> None:
        """End them all."""
        for attempt in list(self._tasks):
            self.drop(attempt)
        if not self._ending:
            return
        _, stuck = await asyncio.wait(self._ending, timeout=CLOSE_SECONDS)
        for task in stuck:
            logger.error("request does not end", task=task.get_name())

    async def _read(self, attempt: int, model: LanguageModel, request: ChatRequest) -> None:
        try:
            async with aclosing(cast(AsyncGenerator[ReplyPart, None], model.reply(request))) as parts:
                async for part in parts:
                    self._events.put_nowait(Came(attempt, part))
        except ProviderError as error:
            self._events.put_nowait(Broke(attempt, error))
        except Exception as error:  # noqa: BLE001  border of a task: whoever wants the reply raises it
            self._events.put_nowait(error)
        else:
            self._events.put_nowait(Broke(attempt))
