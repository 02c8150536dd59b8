"""Listening to a live call: Vapi's `monitor.listenUrl`.

First a text frame says how the sound is written, then binary frames of it follow: s16le, both sides mixed, or with two
channels the caller left and the agent right. In between come the call's client messages as JSON.
"""

from __future__ import annotations

import audioop
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.websockets import WebSocket

from gateway.call.audience import Listener, Sound
from gateway.call.journal import Entry
from gateway.carriers.resampler import Resampler
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE

Messages = Callable[[Entry], Sequence[Mapping[str, Any]]]
"""The client messages that follow from a line of the journal."""


class ListenFormat(BaseModel):
    """What a listener may choose in the query."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    sample_rate: int = Field(default=16000, ge=8000, le=48000)
    channels: Literal["1", "2"] = "1"


class ListenEncoder:
    """Both directions of a call to what a listener gets."""

    def __init__(self, wanted: ListenFormat) -> None:
        self._stereo = wanted.channels == "2"
        self._resamplers = [Resampler(SAMPLE_RATE, wanted.sample_rate) for _ in range(2)]

    def encode(self, sound: Sound) -> bytes:
        """20 ms."""
        if not self._stereo:
            return self._resamplers[0].resample(audioop.add(sound.caller, sound.agent, SAMPLE_BYTES))
        sides = zip(self._resamplers, (sound.caller, sound.agent), strict=True)
        pair = [np.frombuffer(resampler.resample(pcm), np.int16) for resampler, pcm in sides]
        return np.stack(pair, axis=1).tobytes()


async def listen(socket: WebSocket, listener: Listener, wanted: ListenFormat, messages: Messages) -> None:
    """Send an accepted socket all that comes, to the end of the call."""
    encoder = ListenEncoder(wanted)
    await socket.send_text(
        json.dumps(
            {
                "type": "start",
                "encoding": "linear16",
                "container": "raw",
                "sampleRate": wanted.sample_rate,
                "channels": int(wanted.channels),
            }
        )
    )
    async for item in listener:
        if isinstance(item, Sound):
            await socket.send_bytes(encoder.encode(item))
        else:
            for message in messages(item):
                await socket.send_text(json.dumps(message, ensure_ascii=False))
