"""A voice made of several: when one fails, the next goes on with the words that are not passed on yet.

Order: the candidates whose circuits are closed, as the assistant names them; then, as a last resort, those whose
circuits are open, unless they asked to be left alone, and the first one again where its failure may pass. While another
candidate is left, a voice has the deadlines of `FailoverSettings`; the last one has as long as a caller may be left in
silence.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.conversation.heard import SAMPLES_PER_CHARACTER
from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.providers.base import OUTSIDE_CALL, CallContext, Preparable, Voice, VoiceCapabilities, VoiceChunk
from gateway.providers.failover.candidate import Candidate
from gateway.providers.failover.spoken_text import SpokenText
from gateway.settings import FailoverSettings

LEAD_SECONDS = 0.4
"""Audio ahead that covers the next voice's first sound: with more of it a silent voice may have its time."""
PATIENT_SECONDS = 2.0
"""Silence that the caller may hear before the last voice is given up: late speech is better than none."""
CLOSE_SECONDS = 1.0
_NEW_PACE = 0.3
_CAUTION = 1.08
"""A word that is heard twice is a slip of the tongue, one that is left out may be the amount: when in doubt, say it."""
_TICK = 0.001
"""A timer may fire a moment early."""

logger = structlog.get_logger(__name__)


def failover_voice(candidates: Sequence[Candidate[Voice]], settings: FailoverSettings) -> Voice:
    """The candidates as one voice; the first is preferred."""
    return FailoverVoice(candidates, settings)


class FailoverVoice:
    """One object serves all calls."""

    def __init__(self, candidates: Sequence[Candidate[Voice]], settings: FailoverSettings) -> None:
        self._candidates = candidates
        self._settings = settings
        self._paces = [float(SAMPLES_PER_CHARACTER)] * len(candidates)

    @property
    def capabilities(self) -> VoiceCapabilities:
        """Those of all."""
        return VoiceCapabilities(all(one.provider.capabilities.word_times for one in self._candidates))

    async def prepare(self) -> None:
        """Open connections, to those that stand in, too."""
        ready = [one.provider for one in self._candidates if isinstance(one.provider, Preparable)]
        await asyncio.gather(*(provider.prepare() for provider in ready))

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        """Stream the audio, of as many voices as it takes.

        :raises ProviderError: none could say the rest of it
        """
        spoken, failures, closing = SpokenText(text), list[_Failure](), list[asyncio.Task[None]]()
        patience = time.monotonic() + PATIENT_SECONDS
        try:
            for place in self._order(failures):
                attempt = self._attempt(place, spoken, failures, patience)
                if failures and not any(map(str.isalnum, attempt.text)):
                    return
                try:
                    async with aclosing(attempt.run(context)) as chunks:
                        async for chunk in chunks:
                            yield chunk
                    self._learn(place, spoken)
                    return
                except ProviderError as error:
                    self._failed(attempt, error, context)
                    failures.append(_Failure(place, error, attempt.sounded))
                finally:
                    closing.append(asyncio.create_task(attempt.close(), name=f"closing {attempt.candidate.name}"))
            raise _all_failed([failure.error for failure in failures])
        finally:
            await _closed(closing)

    # ------------------------------------------------------------ which voice

    def _order(self, failures: Sequence[_Failure]) -> Iterator[int]:
        skipped = []
        for place, candidate in enumerate(self._candidates):
            if candidate.circuit.admits(time.monotonic()):
                yield place
            else:
                skipped.append(place)
        for place in skipped:
            if not self._candidates[place].circuit.left_alone(time.monotonic()):
                yield place
        if any(failure.place == 0 and failure.may_pass for failure in failures):
            yield 0

    def _attempt(self, place: int, spoken: SpokenText, failures: Sequence[_Failure], patience: float) -> _Attempt:
        """The next attempt; in haste where a healthy voice is left behind it, else with patience until then."""
        now, candidate = time.monotonic(), self._candidates[place]
        tried = {place, *(failure.place for failure in failures)}
        left = [one for other, one in enumerate(self._candidates) if other not in tried]
        text = spoken.begin(timed=candidate.provider.capabilities.word_times, pace=_CAUTION * self._paces[place])
        hasty = any(one.circuit.state(now) != "open" for one in left)
        return _Attempt(candidate, text, spoken, self._settings, None if hasty else patience)

    def _failed(self, attempt: _Attempt, error: ProviderError, context: CallContext) -> None:
        candidate = attempt.candidate
        logger.warning("voice failed", call=context.call_id, voice=candidate.name, error=str(error))
        candidate.circuit.failed(time.monotonic(), error)

    def _learn(self, place: int, spoken: SpokenText) -> None:
        """How fast a voice speaks: its own pace at once, then slowly better."""
        if (pace := spoken.measured_pace()) is not None:
            before = self._paces[place]
            share = 1.0 if before == SAMPLES_PER_CHARACTER else _NEW_PACE
            self._paces[place] = before + share * (pace - before)


@dataclass(frozen=True, slots=True)
class _Failure:
    place: int
    error: ProviderError
    sounded: bool

    @property
    def may_pass(self) -> bool:
        """The same voice may do better at once: it spoke and broke off, or failed without making anybody wait."""
        if self.error.permanent or self.error.retry_after is not None:
            return False
        return self.sounded or not isinstance(self.error, ProviderTimeout)


@dataclass(slots=True)
class _Attempt:
    """One voice says what is left."""

    candidate: Candidate[Voice]
    text: str
    spoken: SpokenText
    settings: FailoverSettings
    patience: float | None
    _stream: AsyncIterator[VoiceChunk] | None = None
    _next: asyncio.Future[Any] | None = None
    _began: float = field(default_factory=time.monotonic)
    _last: float | None = None
    _failed: bool = False
    _good_ms: float | None = None
    """When its first audio came, until it is told to the circuit or the voice failed."""

    @property
    def sounded(self) -> bool:
        """Audio came."""
        return self._last is not None

    async def run(self, context: CallContext) -> AsyncGenerator[VoiceChunk, None]:
        """What is to be passed on.

        :raises ProviderError: the voice failed, was silent for too long, or ended without having spoken
        """
        self._stream = self.candidate.provider.speak(self.text, context)
        try:
            while (came := await self._await_chunk()) is not _END:
                if (passed := self._take(came, time.monotonic())) is not None:
                    yield passed
            if not self.spoken.plausible:
                raise ProviderUnavailable(f"The voice {self.candidate.name} ended without having spoken.")
        except ProviderError:
            self._failed, self._good_ms = True, None
            raise
        if (held := self.spoken.finish(time.monotonic())) is not None:
            yield held

    async def close(self) -> None:
        """Cancel what goes on. A voice that was good up to here was good."""
        if self._good_ms is not None:
            self.candidate.circuit.succeeded(self._good_ms)
        elif not self._failed:
            self.candidate.circuit.abandoned()
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        if self._stream is not None and (close := getattr(self._stream, "aclose", None)) is not None:
            with suppress(ProviderError):
                await close()

    def _take(self, came: VoiceChunk | None, now: float) -> VoiceChunk | None:
        """Audio that came, or None when held audio is due."""
        if came is None:
            return self.spoken.release(now)
        if self._last is None and came.pcm:
            self._good_ms = (now - self._began) * 1000
        self._last = now if came.pcm else self._last
        return self.spoken.take(came, now)

    async def _await_chunk(self) -> Any:
        """The next chunk; None when held audio is due before it; `_END` at the end.

        :raises ProviderError: the voice failed, or was silent for too long
        """
        assert self._stream is not None
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._stream, _END))
        deadline, due = self._deadline(), self.spoken.due
        until = deadline if due is None else min(deadline, due)
        await asyncio.wait([self._next], timeout=max(0.0, until - time.monotonic()))
        if self._next.done():
            done, self._next = self._next, None
            return done.result()
        if (now := time.monotonic()) >= deadline - _TICK:
            seconds = now - (self._last or self._began)
            raise ProviderTimeout(f"The voice {self.candidate.name} sent nothing for {seconds:.1f} s.")
        return None

    def _deadline(self) -> float:
        settings, dry_at, due = self.settings, self.spoken.runs_dry_at, self.spoken.due
        if self._last is None:
            return max(self._began + settings.first_audio_seconds, self.patience or 0.0)
        if self.patience is not None:
            return max(self._last + settings.audio_seconds, dry_at + PATIENT_SECONDS)
        # Held audio is the beginning of a word: rather than say half of it, leave it all to the next voice.
        return max(self._last + settings.audio_seconds, min(dry_at - LEAD_SECONDS, due or dry_at))


_END: Any = object()


async def _closed(closing: Sequence[asyncio.Task[None]]) -> None:
    """No attempt is left behind, not even one that does not end by itself."""
    if closing:
        _, late = await asyncio.wait(closing, timeout=CLOSE_SECONDS)
        for task in late:
            task.cancel()


def _all_failed(errors: Sequence[ProviderError]) -> ProviderError:
    if not errors:
        return ProviderUnavailable("Every voice asked to be left alone for a while.")
    reasons = list(dict.fromkeys(map(str, errors)))
    if len(reasons) == 1:
        return errors[-1]
    return ProviderUnavailable(f"No voice could speak: {' '.join(reasons)}")
