"""What a reply says, made audible: one utterance after the other, and a phrase when one takes its time.

A text becomes an utterance with its first audio. So a voice that is silent does not stand in the way of a phrase that
says so: the phrase is asked for beside it, and often comes, from the cache or because only that one request hangs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial

import structlog

from gateway.conversation.passages import Clause
from gateway.errors import ProviderError, ProviderTimeout
from gateway.providers.base import CallContext, Voice, VoiceChunk
from gateway.worker.output import ReplyOutput

VOICE_SECONDS = 8.0
"""Bound for each chunk of a voice."""
OVERDUE_SECONDS = 0.5
"""A text is about to be heard until it has been with the voice for so long."""

logger = structlog.get_logger(__name__)


class Voicing:
    """The sound of one reply. Texts are said one at a time; a phrase may come before one that is not heard yet."""

    def __init__(self, output: ReplyOutput, voice: Voice, context: CallContext) -> None:
        self.sounding = False
        """Audio of a text has come, and more of it is to come."""
        self._output = output
        self._voice = voice
        self._context = context
        self._awaited_since: float | None = None
        self._covering = False
        self._texts = 0
        """That were heard, or begin to be."""
        self._held: list[Callable[[], None]] = []

    def put(self, step: Callable[[], None]) -> None:
        """Do something to the output; when a phrase is being said, behind it."""
        if self._covering:
            self._held.append(step)
        else:
            step()

    def expect(self) -> None:
        """A text is on its way to the voice."""
        if self._awaited_since is None and not self.sounding:
            self._awaited_since = _now()

    async def say(self, clause: Clause) -> None:
        """Say a text.

        :raises ProviderError: the voice failed; what came before is said
        """
        self._awaited_since = _now()
        begin = partial(self._output.begin, clause.text, interruptible=clause.interruptible)
        try:
            async with aclosing(self._chunks(clause.text)) as chunks:
                async for chunk in chunks:
                    if not self.sounding:
                        self._begins()
                        self.put(begin)
                    self.put(partial(self._output.chunk, chunk))
            if not self.sounding:
                self.put(begin)
            self.put(self._output.end)
        finally:
            self.sounding, self._awaited_since = False, None

    async def cover(self, phrase: str) -> None:
        """Say a phrase, unless the reply is heard before it. One that fails is left out."""
        texts = self._texts
        if self._awaited_since is not None:
            await asyncio.sleep(max(0.0, self._awaited_since + OVERDUE_SECONDS - _now()))
        if self.sounding or self._covering or self._texts > texts:
            return
        try:
            async with aclosing(self._chunks(phrase)) as chunks:
                async for chunk in chunks:
                    if not self._covering:
                        if self._texts > texts:
                            return
                        self._covering = True
                        self._output.begin(phrase, interruptible=True, filler=True)
                    self._output.chunk(chunk)
        except ProviderError as error:
            logger.warning("phrase failed", call=self._context.call_id, error=str(error))
        finally:
            self._uncover()

    def _begins(self) -> None:
        self.sounding, self._awaited_since = True, None
        self._texts += 1

    def _uncover(self) -> None:
        if not self._covering:
            return
        self._output.end()
        self._covering = False
        held, self._held = self._held, []
        for step in held:
            step()

    def _chunks(self, text: str) -> AsyncGenerator[VoiceChunk, None]:
        return bounded(self._voice.speak(text, self._context))


async def bounded(chunks: AsyncIterator[VoiceChunk]) -> AsyncGenerator[VoiceChunk, None]:
    """The chunks of a voice, each within `VOICE_SECONDS`; closes the voice's iterator at the end.

    :raises ProviderTimeout: a chunk took longer
    """
    async with aclosing(chunks) as stream:  # type: ignore[type-var]
        while True:
            try:
                async with asyncio.timeout(VOICE_SECONDS):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise ProviderTimeout(f"The voice sent nothing for {VOICE_SECONDS:.0f} s.") from None
            yield chunk


def _now() -> float:
    return asyncio.get_running_loop().time()
