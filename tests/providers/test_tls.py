"""Connections to `wss` addresses check certificates, and do not read them each time."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

import pytest
from openai import AsyncOpenAI

from gateway.errors import ProviderUnavailable
from gateway.providers import tls
from gateway.providers.credentials import Credential
from gateway.providers.realtime.connection import connect as connect_realtime
from gateway.providers.stt.openai_realtime import OpenAiRealtimeRecogniser
from gateway.providers.tts import cartesia
from gateway.providers.tts.websocket import dial
from gateway.providers.web_socket import JsonSocket
from tests.providers.emulators.emulator import Emulator, running


def test_the_certificate_and_the_name_of_a_server_are_checked() -> None:
    context = tls.checked("wss://api.example.com")["ssl"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_server_without_a_certificate_is_not_asked_for_one() -> None:
    assert tls.checked("ws://127.0.0.1:8080") == {}
    assert tls.checked("http://127.0.0.1:8080") == {}


async def json_socket(address: str) -> None:
    await JsonSocket.open("The transcriber", address.replace("https", "wss"))


async def voice(address: str) -> None:
    await dial("The voice", address.replace("https", "wss"), {})


async def cartesia_voice(address: str) -> None:
    credential = Credential.model_validate({"provider": "cartesia", "apiKey": "key", "apiUrl": address})
    await cartesia.Cartesia(cartesia.Options(voice_id="one"), credential).connect()


async def openai_transcriber(address: str) -> None:
    await OpenAiRealtimeRecogniser(address, "key", "gpt-4o-transcribe", None).connect()


async def openai_realtime(address: str) -> None:
    await connect_realtime(AsyncOpenAI(api_key="key", base_url=address), "gpt-realtime", "The model", 5)


@pytest.mark.parametrize("connect", [json_socket, voice, cartesia_voice, openai_transcriber, openai_realtime])
async def test_certificates_are_not_read_for_a_connection(
    connect: Callable[[str], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tls.checked("wss://api.example.com")

    def read_again(*_: object) -> ssl.SSLContext:
        raise AssertionError("the certificates were read for one connection")

    monkeypatch.setattr("asyncio.sslproto._create_transport_context", read_again)
    server = Emulator()
    async with running(server):
        with pytest.raises(ProviderUnavailable):  # the server does not speak TLS
            await connect(server.url.replace("http", "https"))
