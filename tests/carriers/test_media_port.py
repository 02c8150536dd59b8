"""The media port with clients of others: `websockets` and `httpx`."""

from __future__ import annotations

import asyncio
import audioop
import json
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect

from gateway.call.audience import Sound
from gateway.call.journal import Entry
from gateway.carriers.audio_format import AudioFormat
from gateway.errors import NotLive, ParleyError
from tests.carriers.media_house import MediaHouse, media_house
from tests.link.worker_double import until

TONE = (6000 * np.sin(np.arange(16000) * 2 * np.pi * 500 / 16000)).astype(np.int16).tobytes()
"""A second at 16 kHz."""


@pytest_asyncio.fixture
async def house() -> AsyncIterator[MediaHouse]:
    async with media_house() as running:
        yield running


def client(url: str) -> connect:
    """A client that takes in all that comes, so that it never keeps the server waiting."""
    return connect(url, max_queue=None)


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Wait for the end: the close code and reason."""
    await asyncio.wait_for(socket.wait_closed(), 10)
    return socket.close_code, socket.close_reason


async def test_the_call_is_answered_when_its_client_comes_and_ended_when_it_goes(house: MediaHouse) -> None:
    call, _ = house.open("a")
    async with client(house.url("a/transport")):
        await until(lambda: call.answered and call.frames)
        assert not call.ended
    await until(lambda: call.ended)
    assert call.ended == [(200, "the client left", True)]


async def test_what_the_client_says_comes_in_frames_whatever_its_chunks(house: MediaHouse) -> None:
    call, _ = house.open("a")
    async with client(house.url("a/transport")) as socket:
        for start in range(0, len(TONE), 777):
            await socket.send(TONE[start : start + 777])
        await until(lambda: len([frame for frame in call.frames if frame.present]) >= 49)
    loud = [frame for frame in call.frames if audioop.rms(frame.caller, 2) > 3000]
    assert len(loud) >= 48
    assert any(frame.speech for frame in loud)
    assert [frame.tick for frame in call.frames] == list(range(len(call.frames)))


async def test_what_the_agent_says_is_sent_in_real_time_with_silence_around_it(house: MediaHouse) -> None:
    call, leg = house.open("a", AudioFormat(sample_rate=8000))
    async with client(house.url("a/transport")) as socket:
        await until(lambda: call.answered)
        pcm = TONE[:8000]
        assert leg.play(7, 0, pcm, final=True) == 4000
        received = b""
        while len(received) < 12000:
            message = await asyncio.wait_for(socket.recv(), 5)
            assert isinstance(message, bytes)
            received += message
    assert pcm in received
    finished = [frame for frame in call.frames if frame.finished]
    assert [(frame.utterance, frame.position) for frame in finished] == [(7, 4000)]


async def test_the_callers_speech_pauses_the_agent(house: MediaHouse) -> None:
    call, leg = house.open("a")
    async with client(house.url("a/transport")) as socket:
        await until(lambda: call.answered)
        leg.play(3, 0, bytes(2 * 32000), final=True)
        voiced = (3000 * np.sign(np.sin(np.arange(16000) * 2 * np.pi * 120 / 16000))).astype(np.int16)
        await socket.send(voiced.tobytes())
        await until(lambda: call.pauses)
    utterance, position, onset_tick, tick = call.pauses[0]
    assert utterance == 3
    assert 0 < position < 32000
    assert tick - onset_tick <= 2


async def test_a_hang_up_closes_the_socket_normally(house: MediaHouse) -> None:
    call, leg = house.open("a")
    async with client(house.url("a/transport")) as socket:
        await until(lambda: call.answered)
        await leg.hangup("assistant-ended-call")
        assert await closed(socket) == (1000, "assistant-ended-call")
    assert call.ended == [(200, "assistant-ended-call", False)]


async def test_text_of_the_client_controls_the_call_and_errors_are_told(house: MediaHouse) -> None:
    call, _ = house.open("a")
    async with client(house.url("a/transport")) as socket:
        await socket.send('{"type": "end-call"}')
        await until(lambda: call.controls)
        call.refusal = ParleyError("There is no message of the type x.")
        await socket.send('{"type": "x"}')
        await socket.send("no json")
        texts: list[str] = []
        while len(texts) < 2:
            message = await asyncio.wait_for(socket.recv(), 5)
            if isinstance(message, str):
                texts.append(message)
    assert call.controls == [{"type": "end-call"}]
    assert json.loads(texts[0]) == {"type": "error", "message": "There is no message of the type x."}
    assert "JSON object" in texts[1]


async def test_client_messages_reach_the_client(house: MediaHouse) -> None:
    call, _ = house.open("a")
    async with client(house.url("a/transport")) as socket:
        await until(lambda: bool(call.audience.listeners))
        call.audience.learn(Entry(20, "transcript", {"transcript": "hello"}))
        while not isinstance(message := await asyncio.wait_for(socket.recv(), 5), str):
            continue
    assert json.loads(message) == {"type": "transcript", "transcript": "hello"}


async def test_one_call_has_one_client_and_an_unknown_one_has_none(house: MediaHouse) -> None:
    house.open("a")
    async with client(house.url("a/transport")), client(house.url("a/transport")) as second:
        assert await closed(second) == (1008, "The call a has its WebSocket already.")
    async with client(house.url("nobody/transport")) as socket:
        assert (await closed(socket))[0] == 1008


@pytest.mark.parametrize(("query", "samples"), [("", 320), ("?channels=2", 640), ("?sampleRate=8000", 160)])
async def test_a_listener_is_told_the_format_and_hears_both_sides(house: MediaHouse, query: str, samples: int) -> None:
    call, leg = house.open("a")
    async with client(house.url(f"a/listen{query}")) as socket:
        start = json.loads(await asyncio.wait_for(socket.recv(), 5))
        assert start["type"] == "start"
        assert start["sampleRate"] * start["channels"] // 50 == samples
        for _ in range(3):
            call.audience.hear(Sound(b"\x10\x00" * 160, b"\x00\x01" * 160))
        sizes = [len(await asyncio.wait_for(socket.recv(), 5)) for _ in range(3)]
        assert sizes[1:] == [samples * 2] * 2
        await leg.hangup("over")
        assert await closed(socket) == (1000, "The call has ended.")


async def test_a_listener_who_leaves_is_forgotten(house: MediaHouse) -> None:
    call, _ = house.open("a")
    async with client(house.url("a/listen")) as socket:
        await socket.recv()
        assert call.audience.listeners
    await until(lambda: not call.audience.listeners)


async def test_who_has_no_key_neither_listens_nor_controls(house: MediaHouse) -> None:
    call, _ = house.open("a")
    house.key = "secret"
    async with client(house.url("a/listen")) as socket:
        assert (await closed(socket))[0] == 1008
    async with httpx.AsyncClient() as http:
        refused = await http.post(house.url("a/control", "http"), json={"type": "end-call"})
        taken = await http.post(
            house.url("a/control", "http"), json={"type": "end-call"}, headers={"Authorization": "Bearer secret"}
        )
    assert (refused.status_code, taken.status_code) == (401, 200)
    assert call.controls == [{"type": "end-call"}]


async def test_control_refuses_in_words(house: MediaHouse) -> None:
    call, _ = house.open("a")
    async with httpx.AsyncClient() as http:
        url = house.url("a/control", "http")
        assert (await http.post(house.url("b/control", "http"), json={})).status_code == 404
        assert (await http.post(url, content=b"[1]")).status_code == 400
        assert (await http.post(url, content=b'{"a": "' + b"x" * 70_000 + b'"}')).status_code == 400
        call.refusal = NotLive("The call is over.")
        gone = await http.post(url, json={"type": "say"})
    assert gone.json() == {"message": "The call is over.", "error": "Conflict", "statusCode": 409}
