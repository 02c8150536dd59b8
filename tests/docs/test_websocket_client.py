"""The client of docs/websocket-calls.md holds a call."""

from __future__ import annotations

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.carriers.test_websocket_call import house
from tests.docs.pages import blocks
from tests.peers import speech

pytestmark = pytest.mark.models


async def test_the_client_of_the_page_prints_what_is_said(tmp_path: Path) -> None:
    (block,) = blocks("python", "client")
    script = tmp_path / "client.py"
    script.write_text(block.text)
    question = await asyncio.to_thread(speech.synthetic, "Goodbye.")
    file = tmp_path / "question.wav"
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(np.repeat(question.astype(np.int16), 2).tobytes())
    async with house(tmp_path / "data") as h:
        call = h.open()
        url = f"{h.url}/call/{call.id}/transport"
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-u", str(script), url, str(file), stdout=asyncio.subprocess.PIPE
        )
        assert client.stdout is not None
        async with asyncio.timeout(40):
            assert (await client.stdout.readline()).decode().strip() == "assistant: Hello there."
        client.terminate()
        await client.wait()
