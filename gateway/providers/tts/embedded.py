"""The embedded voice as a provider: sentence by sentence out of a thread, with a bounded cache of what was said."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from concurrent.futures import Executor

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.errors import ProviderError
from gateway.media.audio import SAMPLE_BYTES
from gateway.providers.base import OUTSIDE_CALL, CallContext, SpokenWord, Voice, VoiceCapabilities, VoiceChunk
from gateway.providers.credentials import Credential
from gateway.providers.pools import voice_pool
from gateway.providers.tts.hibari import HibariSynthesiser, SpokenPiece
from gateway.providers.usage import Usage

_CACHE_BYTES = 16 * 1024 * 1024


class Options(BaseModel):
    """`speed` 1 is the voice's own pace."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    voice_id: str = Field(default="heart", pattern="^heart$")
    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    language: str = Field(default="en", pattern="^en(-[A-Za-z]+)?$")


def make(options: Options, credential: Credential) -> Voice:
    """The voice; loads its model.

    :raises ModelError: a model file is missing or damaged
    """
    return EmbeddedVoice(HibariSynthesiser(speed=options.speed), voice_pool())


class PieceCache:
    """Sentences by text, the least recently used leaving first when the audio exceeds a number of bytes."""

    def __init__(self, limit: int = _CACHE_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._pieces: OrderedDict[str, SpokenPiece] = OrderedDict()

    def get(self, sentence: str) -> SpokenPiece | None:
        """The piece, which becomes the most recent."""
        piece = self._pieces.get(sentence)
        if piece is not None:
            self._pieces.move_to_end(sentence)
        return piece

    def put(self, sentence: str, piece: SpokenPiece) -> None:
        """Keep a piece, unless it alone is over the limit."""
        if len(piece.pcm) > self._limit or sentence in self._pieces:
            return
        self._pieces[sentence] = piece
        self._size += len(piece.pcm)
        while self._size > self._limit:
            _, oldest = self._pieces.popitem(last=False)
            self._size -= len(oldest.pcm)


class EmbeddedVoice:
    """hibari behind the voice interface. The pool must have one thread: the synthesiser is not made for more."""

    def __init__(self, synthesiser: HibariSynthesiser, pool: Executor) -> None:
        self._synthesiser = synthesiser
        self._pool = pool
        self._cache = PieceCache()

    @property
    def capabilities(self) -> VoiceCapabilities:
        """The model's own durations."""
        return VoiceCapabilities(word_times=True)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        """One chunk per sentence. Closing the iterator stops after the sentence in work."""
        context.meter(Usage("voice", "hibari", characters=len(text)))
        samples = 0
        for sentence in self._synthesiser.split(text):
            piece = await self._piece(sentence)
            if piece.pcm:
                words = (SpokenWord(word.text, word.start + samples, word.end + samples) for word in piece.words)
                yield VoiceChunk(piece.pcm, tuple(words))
                samples += len(piece.pcm) // SAMPLE_BYTES

    async def warm_up(self) -> None:
        """Load the lexicon and run the model once."""
        await self._piece("Hello, how can I help you today?")

    async def _piece(self, sentence: str) -> SpokenPiece:
        cached = self._cache.get(sentence)
        if cached is not None:
            return cached
        loop = asyncio.get_running_loop()
        try:
            piece = await loop.run_in_executor(self._pool, self._synthesiser.synthesise, sentence)
        except Exception as error:  # whatever the package and its model raise
            raise ProviderError(f"The voice cannot say {sentence!r}: {error}.") from error
        self._cache.put(sentence, piece)
        return piece
