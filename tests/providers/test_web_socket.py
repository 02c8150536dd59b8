"""What goes wrong on a provider's WebSocket, as our errors."""

from __future__ import annotations

import pytest
from pydantic import BaseModel
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from gateway.errors import ProviderQuota, ProviderUnavailable
from gateway.providers.web_socket import JsonSocket, understood, web_socket_address
from tests.providers.emulators.emulator import Emulator, running

WHO = "The transcriber of tests"


class Closing(Emulator):
    """Says one thing and closes the connection."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__()
        self._text, self._code = text, code
        self.routes = [WebSocketRoute("/", self._connection)]

    async def _connection(self, websocket: WebSocket) -> None:
        async with self.accepted(websocket) as wire:
            await wire.send(self._text)
            await wire.close(self._code, "no credit")


async def opened(server: Closing) -> JsonSocket:
    return await JsonSocket.open(WHO, web_socket_address(f"{server.url}/"), codes={4002: ProviderQuota})


async def test_a_connection_that_ends_well_is_no_error() -> None:
    server = Closing('{"type": "bye"}', 1000)
    async with running(server):
        socket = await opened(server)
        assert [await socket.receive() for _ in range(2)] == [{"type": "bye"}, None]
        await socket.close()


@pytest.mark.parametrize(("code", "expected"), [(4002, ProviderQuota), (4999, ProviderUnavailable)])
async def test_a_close_code_means_what_the_provider_says(code: int, expected: type[Exception]) -> None:
    server = Closing('{"type": "bye"}', code)
    async with running(server):
        socket = await opened(server)
        await socket.receive()
        with pytest.raises(expected, match=f"^{WHO} closed the connection with {code}: no credit.$"):
            await socket.receive()
        with pytest.raises(expected):
            await socket.send({"type": "hello"})
        await socket.close()


@pytest.mark.parametrize("text", ["no JSON", "[1, 2]", '"text"', "null"])
async def test_what_is_no_object_is_an_outage(text: str) -> None:
    server = Closing(text, 1000)
    async with running(server):
        socket = await opened(server)
        with pytest.raises(ProviderUnavailable, match="sent what is no JSON object"):
            await socket.receive()
        await socket.close()


def test_a_message_of_another_form_is_told_by_its_place() -> None:
    class Word(BaseModel):
        start: int

    class Words(BaseModel):
        words: list[Word]

    assert understood(WHO, Words, {"words": [{"start": 1}]}).words[0].start == 1
    with pytest.raises(ProviderUnavailable, match=r"words\.0\.start"):
        understood(WHO, Words, {"words": [{"start": "soon"}]})


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://api.example.com/", "wss://api.example.com"),
        ("http://127.0.0.1:80/v3", "ws://127.0.0.1:80/v3"),
        ("wss://api.example.com/v3", "wss://api.example.com/v3"),
    ],
)
def test_an_address_of_http_is_one_of_websockets(address: str, expected: str) -> None:
    assert web_socket_address(address) == expected
