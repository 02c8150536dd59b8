"""What goes to Cartesia, and how its events are read by the official SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cartesia.types.websocket_response import Chunk, Timestamps
from pydantic import BaseModel

from gateway.errors import ConfigError
from tests.providers.emulators.cartesia import CartesiaEmulator
from tests.providers.tts.speaking import speak, talking, voice_of

VOICE = "a0e99841-438c-4a64-b679-ae501e7d6091"
PLAIN = {
    "model_id": "sonic-3",
    "voice": {"mode": "id", "id": VOICE},
    "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000},
    "add_timestamps": True,
    "continue": False,
    "transcript": "hello one",
}


async def sent(**options: Any) -> dict[str, Any]:
    """The request for a text, without the id of its context."""
    emulator = CartesiaEmulator()
    async with talking("cartesia", emulator, voiceId=VOICE, **options) as voice:
        await speak(voice, "hello one")
    (message,) = next(seen.messages for seen in emulator.seen if seen.messages)
    request: dict[str, Any] = json.loads(message)
    assert request.pop("context_id")
    return request


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"model": "sonic-2", "language": "de"}, {"model_id": "sonic-2", "language": "de"}),
        ({"pronunciationDictId": "dictionary"}, {"pronunciation_dict_id": "dictionary"}),
        (
            {"generationConfig": {"speed": 1.2, "volume": 0.8, "experimental": {"accentLocalization": 1}}},
            {"generation_config": {"speed": 1.2, "volume": 0.8, "experimental": {"accent_localization": 1}}},
        ),
        (
            {"experimentalControls": {"speed": "fastest", "emotion": "positivity:high"}},
            {"speed": "fast", "generation_config": {"emotion": "happy"}},
        ),
        ({"experimentalControls": {"speed": -0.5}}, {"speed": "slow"}),
    ],
)
async def test_each_setting_reaches_the_provider(options: dict[str, Any], expected: dict[str, Any]) -> None:
    assert await sent(**options) == {**PLAIN, **expected}


@pytest.mark.parametrize(
    "options", [{}, {"generationConfig": {"speed": 3}}, {"experimentalControls": {"speed": "hasty"}}]
)
def test_wrong_settings_are_refused_when_the_voice_is_made(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        voice_of("cartesia", CartesiaEmulator(), **({"voiceId": VOICE, **options} if options else {}))


def test_the_emulator_speaks_as_the_official_sdk_expects() -> None:
    kinds: dict[str, type[BaseModel]] = {"chunk": Chunk, "timestamps": Timestamps}
    events = list(CartesiaEmulator().events("hello one"))
    assert {event["type"] for event in events} == set(kinds)
    for event in events:
        kinds[event["type"]].model_validate({**event, "done": False, "status_code": 206, "context_id": "context"})
